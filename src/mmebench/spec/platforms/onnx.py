"""ONNX in a spec."""

from typing import ClassVar, Literal

from mmebench.spec.platforms.platform import PlatformSpec


class Onnx(PlatformSpec):
    """ONNX, for Triton's ONNX Runtime backend."""

    kind: Literal["onnx"] = "onnx"
    exporter: ClassVar[str] = "mmebench.models.platforms.onnx"
    served_by: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnxruntime_onnx")
    shrinks_by: ClassVar[tuple[str, str]] = ("memory.enable_memory_arena_shrinkage", "gpu:0")
    describes_itself: ClassVar[bool] = True
