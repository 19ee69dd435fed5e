"""What models are served as: a file for each platform."""

from collections.abc import Iterator
from typing import Annotated

from mmebench.spec.kinds import Kinds
from mmebench.spec.platforms.aotinductor import AotInductor
from mmebench.spec.platforms.exported_program import ExportedProgram
from mmebench.spec.platforms.onnx import Onnx
from mmebench.spec.platforms.openvino import OpenVino
from mmebench.spec.platforms.platform import DynamicBatching, PlatformSpec, platform_label
from mmebench.spec.platforms.ready import ReadyPlatform
from mmebench.spec.platforms.tensorrt import TensorRt
from mmebench.spec.platforms.torchscript import TorchScript

PLATFORMS = Kinds[PlatformSpec](
    "platforms",
    TorchScript,
    AotInductor,
    Onnx,
    OpenVino,
    TensorRt,
    other=ReadyPlatform,
)


AnyPlatform = Annotated[PlatformSpec, PLATFORMS]


def platform_kind(served_by: str) -> str:
    """What specs and results call a platform that a config.pbtxt calls so; its own name where none is ours."""
    return next(_kinds_served_by(served_by), served_by)


def _kinds_served_by(name: str) -> Iterator[str]:
    return (kind for kind, platform in PLATFORMS.by_name.items() if name in platform.served_by)


__all__ = [
    "PLATFORMS",
    "AnyPlatform",
    "AotInductor",
    "DynamicBatching",
    "ExportedProgram",
    "Onnx",
    "OpenVino",
    "PlatformSpec",
    "ReadyPlatform",
    "TensorRt",
    "TorchScript",
    "platform_kind",
    "platform_label",
]
