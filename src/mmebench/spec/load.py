"""The spec of ``mmebench load``: an endpoint that already runs, what its models take, and a workload."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from mmebench.formats.tensors import TensorSpec
from mmebench.spec.endpoints import ExistingEndpoint
from mmebench.spec.endpoints.existing import AnyTargetNames, names_of
from mmebench.spec.fleet import BY_NAME, ModelName, check_objectives, check_parts, share_out
from mmebench.spec.layout import AnyLayout
from mmebench.spec.platforms.platform import Name
from mmebench.spec.popularity import AnyPopularity
from mmebench.spec.strict import Part, Strict, first_repeated
from mmebench.spec.workload import Objectives, Payload, Workload, check_search


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


class ServedMember(ServedModel):
    """One kind of model of a fleet behind an endpoint, with its targets there."""

    targets: AnyTargetNames = Field(description="names, or {pattern: …, count: …}")
    requests: Part | None = Field(
        None, gt=0, le=1e9, description="its part of the requests; those of all models make the whole"
    )
    popularity: AnyPopularity | None = Field(None, description="within its targets; the workload's unless told")
    payload: Payload | None = Field(None, description="the workload's unless told")

    @property
    def target_names(self) -> tuple[str, ...]:
        """The targets, in order."""
        return names_of(self.targets)


ServedMembers = Annotated[dict[ModelName, ServedMember], Field(min_length=1, json_schema_extra=BY_NAME)]

_ONE_WAY: dict[str, Any] = {
    "if": {"required": ["models"]},
    "then": {"properties": {"model": False, "endpoint": {"properties": {"targets": False}}}},
    "else": {"required": ["model"], "properties": {"endpoint": {"required": ["targets"]}}},
}


class LoadSpec(Strict):
    """A load on an endpoint that already runs."""

    model_config = ConfigDict(json_schema_extra=_ONE_WAY)

    endpoint: ExistingEndpoint
    model: ServedModel | None = Field(
        None, description="one model, of which all targets of the endpoint are copies"
    )
    models: ServedMembers | None = Field(None, description="instead of model: several, each with its own targets")
    name: ModelName | None = Field(None, description="of the fleet that models are; what results are filed under")
    workload: Workload = Field(default_factory=Workload)
    objectives: Objectives = Field(default_factory=Objectives)
    layout: AnyLayout = "stars"

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        if self.models is None:
            self._check_model()
        else:
            self._check_models(self.models)
        check_search(self.workload, self.objectives)
        return self

    def _check_model(self) -> None:
        model, payload = self.model, self.workload.payload
        if model is None:
            raise ValueError("model: missing; write e.g. model: {package: resnet50-onnx.json}")
        if self.name is not None:
            raise ValueError("name: is for a fleet of models; leave it out, or write model.name")
        check_objectives(self.objectives, ())
        if model.package is None and not model.inputs and payload.file is None:
            raise ValueError("model.inputs: missing; or give workload.payload.file, a request's body as it is")
        if not self.endpoint.target_names:
            raise ValueError("endpoint.targets: got none; allowed: 1 or more; name them")

    def _check_models(self, models: dict[str, ServedMember]) -> None:
        for field, given in (("model", self.model), ("endpoint.targets", self.endpoint.targets)):
            if given:
                raise ValueError(f"got both models and {field}, which each of models has; leave out {field}")
        check_parts({name: member.requests for name, member in models.items()})
        check_objectives(self.objectives, models)
        for name, member in models.items():
            payload = member.payload or self.workload.payload
            if member.package is None and not member.inputs and payload.file is None:
                raise ValueError(f"models.{name}.inputs: missing; or give payload.file, a request's body as it is")
            if not member.target_names:
                raise ValueError(f"models.{name}.targets: got none; allowed: 1 or more; name them")
        every = [(target, name) for name, member in models.items() for target in member.target_names]
        if twice := first_repeated(target for target, _ in every):
            whose = " and ".join(name for target, name in every if target == twice)
            raise ValueError(f"models: got target {twice} of {whose}; allowed: each once; leave one out")

    @property
    def shares(self) -> dict[str, float]:
        """Of a fleet: the part of the requests that each model gets."""
        return share_out({name: member.requests or 1.0 for name, member in (self.models or {}).items()})
