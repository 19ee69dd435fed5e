"""ONNX in a spec."""

from typing import ClassVar, Literal

from mmebench.spec.platforms.platform import PlatformSpec


class Onnx(PlatformSpec):
    """ONNX, for Triton's ONNX Runtime backend."""

    kind: Literal["onnx"] = "onnx"
    exporter: ClassVar[str] = "mmebench.models.platforms.onnx"
    served_by: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnxruntime_onnx")
    describes_itself: ClassVar[bool] = True
    colour: ClassVar[str] = "#1f4e79"
