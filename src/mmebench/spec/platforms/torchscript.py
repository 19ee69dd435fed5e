"""TorchScript in a spec."""

from typing import ClassVar, Literal

from mmebench.spec.platforms.platform import PlatformSpec


class TorchScript(PlatformSpec):
    """TorchScript, for Triton's PyTorch backend."""

    kind: Literal["pt"] = "pt"
    exporter: ClassVar[str] = "mmebench.models.platforms.torchscript"
    served_by: ClassVar[tuple[str, ...]] = ("pytorch", "pytorch_libtorch")
    shrinks_by: ClassVar[tuple[str, str]] = ("ENABLE_CACHE_CLEANING", "true")
