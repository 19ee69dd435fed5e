"""The spec of ``mmebench load``: an endpoint that already runs, what its models take, and a workload."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from mmebench.formats.tensors import TensorSpec
from mmebench.spec.endpoints import ExistingEndpoint
from mmebench.spec.layout import AnyLayout
from mmebench.spec.platforms.platform import Name
from mmebench.spec.strict import Strict
from mmebench.spec.workload import Objectives, Workload, check_search


class ServedModel(Strict):
    """What stands behind the endpoint: as ``mmebench package`` recorded it, or in one's own words."""

    package: Path | None = Field(None, description="the JSON that mmebench package wrote beside the archive")
    name: str | None = Field(
        None, pattern=r"^[A-Za-z0-9._-]+$", examples=["resnet50"], description="what results are filed under"
    )
    platform: Name | None = Field(None, description="pt, onnx, openvino, trt, or another of Triton's backends")
    precision: Literal["fp32", "fp16"] = "fp32"
    inputs: tuple[TensorSpec, ...] = Field((), description="as the model takes them, without batch")
    max_batch_size: int = Field(8, ge=0, le=1024, description="0: the model has no batch dimension")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        own = {"name", "platform", "inputs", "max_batch_size", "precision"} & self.model_fields_set
        if self.package is not None and own:
            raise ValueError(
                f"got package and {sorted(own)[0]}; the package says it already; leave out one of them"
            )
        if self.package is None and (self.name is None or self.platform is None):
            raise ValueError("needs package, or name and platform (and inputs, unless the payload is a file)")
        return self


class LoadSpec(Strict):
    """A load on an endpoint that already runs."""

    endpoint: ExistingEndpoint
    model: ServedModel
    workload: Workload = Field(default_factory=Workload)
    objectives: Objectives = Field(default_factory=Objectives)
    layout: AnyLayout = "stars"

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        model, payload = self.model, self.workload.payload
        if model.package is None and not model.inputs and payload.file is None:
            raise ValueError("model.inputs: missing; or give workload.payload.file, a request's body as it is")
        if not self.endpoint.target_names:
            raise ValueError("endpoint.targets: got none; allowed: 1 or more; name them")
        check_search(self.workload, self.objectives)
        return self
