"""What every source of models is."""

from typing import ClassVar

from mmebench.spec.strict import Strict


class ModelSource(Strict):
    """Where a model comes from, and its name there."""

    source: str
    loader: ClassVar[str]
    """The module whose ``load(spec)`` gives the model (:class:`mmebench.models.sources.Source`), imported when it
    is wanted."""
    extra: ClassVar[str] = "models"
    """What ``pip install 'mmebench[…]'`` brings its libraries."""

    @property
    def is_ready_archive(self) -> bool:
        """Whether it is an archive that Triton loads as it is, and whose own config decides how it is served."""
        return False
