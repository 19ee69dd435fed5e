"""What every source of models is."""

import re
from typing import ClassVar

from mmebench.spec.strict import Strict


def safe_name(name: str) -> str:
    """``google--vit`` for ``google/vit``: letters, digits, dots, hyphens and underscores are kept.

    ``/`` becomes ``--`` as in the hub's own cache, so that two names of one organisation do not meet.
    """
    name = re.sub(r"[^A-Za-z0-9._-]", "-", name.replace("/", "--"))
    return name.strip(".-") or "model"


class ModelSource(Strict):
    """Where a model comes from, and its name there."""

    source: str
    loader: ClassVar[str]
    """The module whose ``load(spec)`` gives the model (:class:`mmebench.models.sources.Source`), imported when it
    is wanted."""
    extra: ClassVar[str] = "models"
    """What ``pip install 'mmebench[…]'`` brings its libraries."""

    @property
    def label(self) -> str | None:
        """What its results and targets are named after; None where only the loader knows."""
        return None

    @property
    def is_ready_archive(self) -> bool:
        """Whether it is an archive that Triton loads as it is, and whose own config decides how it is served."""
        return False
