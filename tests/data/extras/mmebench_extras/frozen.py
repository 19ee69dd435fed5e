"""A platform: TorchScript whose weights are constants of its graph. Triton's PyTorch backend serves it."""

from pathlib import Path
from typing import ClassVar, Literal

from mmebench.errors import BadInputError
from mmebench.models.model import Model, ModelFile
from mmebench.models.platforms import torchscript
from mmebench.models.platforms.export import Export
from mmebench.spec.platforms import PlatformSpec
from mmebench.spec.sources import ModelSource


class Frozen(PlatformSpec):
    """TorchScript with its weights frozen into the graph."""

    kind: Literal["frozen"] = "frozen"

    exporter: ClassVar[str] = "mmebench_extras.frozen"
    templates: ClassVar[str] = "mmebench_extras"


def check(model: ModelSource, platform: PlatformSpec) -> None:
    """Refuse files; they are what they are."""
    if model.source == "file":
        raise BadInputError("platform frozen takes models of other sources than file")


def export(model: Model, platform: PlatformSpec, folder: Path) -> Export:
    """As TorchScript, then frozen."""
    import torch

    exported = torchscript.export(model, platform, folder)
    frozen = torch.jit.freeze(torch.jit.load(folder / "model.pt").eval())
    torch.jit.save(frozen, folder / "model.pt")
    return exported


def adopt(file: ModelFile, platform: PlatformSpec, folder: Path) -> Export:
    """Never asked for; see :func:`check`."""
    raise BadInputError("platform frozen takes no files")
