"""AOTInductor in a spec."""

from typing import ClassVar, Literal

from mmebench.spec.platforms.platform import PlatformSpec


class AotInductor(PlatformSpec):
    """PyTorch compiled ahead of time (torch.export, AOTInductor), for Triton's PyTorch backend from 26.03 on."""

    kind: Literal["pt2"] = "pt2"
    exporter: ClassVar[str] = "mmebench.models.platforms.aotinductor"
    served_by: ClassVar[tuple[str, ...]] = ("torch_aoti",)
    shrinks_by: ClassVar[tuple[str, str]] = ("CACHE_CLEANING_ENABLED", "true")
    compiled: ClassVar[bool] = True
