"""OpenVINO in a spec."""

from typing import ClassVar, Literal

from mmebench.spec.platforms.platform import PlatformSpec


class OpenVino(PlatformSpec):
    """OpenVINO, whose backend in Triton runs on the CPU."""

    kind: Literal["openvino"] = "openvino"
    exporter: ClassVar[str] = "mmebench.models.platforms.openvino"
    extra: ClassVar[str] = "models,openvino"
    served_by: ClassVar[tuple[str, ...]] = ("openvino",)
    on_gpu: ClassVar[bool] = False
    describes_itself: ClassVar[bool] = True
