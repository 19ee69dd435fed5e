"""TensorRT in a spec."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mmebench.spec.platforms.platform import PlatformSpec


class TensorRt(PlatformSpec):
    """TensorRT: an engine that trtexec builds from ONNX on the GPU that will serve it."""

    kind: Literal["trt"] = "trt"
    trtexec: tuple[
        Annotated[
            str, Field(pattern=r"^--[A-Za-z][A-Za-z0-9]*(=\S+)?$", examples=["--builderOptimizationLevel=5"])
        ],
        ...,
    ] = Field((), description="further options of trtexec, e.g. --builderOptimizationLevel=5")

    exporter: ClassVar[str] = "mmebench.models.platforms.tensorrt"
    served_by: ClassVar[tuple[str, ...]] = ("tensorrt", "tensorrt_plan")
    built: ClassVar[bool] = True
