"""The spec: what the user asks for, as strict models of one YAML file.

:func:`mmebench.spec.reading.load_spec` is the only way in. A field that is not known, a value of the wrong
type or a combination that cannot work is refused there, before anything is started, with one message that
names every mistake.
"""

from difflib import get_close_matches
from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from mmebench.spec.arrivals import Arrivals, ClosedLoop, ConstantRate, Poisson, RateArrivals, Trace
from mmebench.spec.endpoints import AnyEndpoint, LocalEndpoint
from mmebench.spec.endpoints.endpoint import ServedEndpoint
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint
from mmebench.spec.experiments import EXPERIMENTS, AnyExperiment, Experiment
from mmebench.spec.layout import AnyLayout
from mmebench.spec.platforms import (
    PLATFORMS,
    AnyPlatform,
    DynamicBatching,
    Onnx,
    PlatformSpec,
    ReadyPlatform,
    TensorRt,
    platform_kind,
    platform_label,
)
from mmebench.spec.popularity import HotSet, Popularity, RoundRobin, TracedTargets, Uniform, Weights, Zipf
from mmebench.spec.profile import Profile, Ramp, Search, Stage, Stationary
from mmebench.spec.sources import AnyModel, FileModel, HuggingFaceModel, ModelSource, TimmModel, TorchvisionModel
from mmebench.spec.strict import OneOrSeveral, Strict, first_repeated
from mmebench.spec.workload import AnyTargets, Goodput, Objectives, Payload, Targets, Workload, check_search

__all__ = [
    "EXPERIMENTS",
    "PLATFORMS",
    "Arrivals",
    "ClosedLoop",
    "ConstantRate",
    "DynamicBatching",
    "Experiment",
    "FileModel",
    "Goodput",
    "HotSet",
    "HuggingFaceModel",
    "LocalEndpoint",
    "ModelSource",
    "Objectives",
    "Onnx",
    "Payload",
    "PlatformSpec",
    "Poisson",
    "Popularity",
    "Profile",
    "Ramp",
    "RateArrivals",
    "RoundRobin",
    "SageMakerEndpoint",
    "Search",
    "ServedEndpoint",
    "Spec",
    "Stage",
    "Stationary",
    "Targets",
    "TensorRt",
    "TimmModel",
    "TorchvisionModel",
    "Trace",
    "TracedTargets",
    "Uniform",
    "Weights",
    "Workload",
    "Zipf",
    "platform_kind",
    "platform_label",
]


_NO_READY_ARCHIVE: dict[str, Any] = {
    "if": {"properties": {"model": {"properties": {"path": {"pattern": r"\.tar\.gz$"}}, "required": ["path"]}}},
    "else": {"required": ["platforms"], "properties": {"platforms": {"minItems": 1}}},
}


class Spec(Strict):
    """One benchmark: a model on one or more platforms, on one endpoint, under one workload."""

    model_config = ConfigDict(json_schema_extra=_NO_READY_ARCHIVE)

    model: AnyModel
    platforms: OneOrSeveral[AnyPlatform] = Field(
        (), description="each is measured; a ready archive says itself what it is, and may leave it out"
    )
    endpoint: AnyEndpoint = Field(default_factory=LocalEndpoint)
    targets: AnyTargets = Field(default_factory=Targets)
    workload: Workload = Field(default_factory=Workload)
    objectives: Objectives = Field(default_factory=Objectives)
    experiments: OneOrSeveral[AnyExperiment] = Field((), description="what else is to be shown, after the load")
    layout: AnyLayout = "stars"

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        if not self.platforms and not self.model.is_ready_archive:
            raise ValueError(
                f"platforms: got none; allowed: 1 or more of {', '.join(PLATFORMS)}; write e.g. platforms: [pt]"
            )
        labels = [platform_label(platform_kind(each.kind), each.precision) for each in self.platforms]
        if twice := first_repeated(labels):
            raise ValueError(
                f"platforms: got {twice} twice; allowed: each kind once at each precision; leave one out, or run "
                "them as two specs"
            )
        unknown = [platform.kind for platform in self.platforms if isinstance(platform, ReadyPlatform)]
        if unknown and not self.model.is_ready_archive:
            ours = platform_kind(unknown[0])
            close = [ours] if ours in PLATFORMS else get_close_matches(unknown[0], PLATFORMS, n=1)
            raise ValueError(
                f"platforms: got {unknown[0]!r}; allowed: {', '.join(PLATFORMS)}, or for a ready archive what its "
                f"config names; {f'did you mean {close[0]}?' if close else 'take one of them'}"
            )
        batch = self.workload.payload.batch
        for platform in self.platforms:
            said = not self.model.is_ready_archive or "max_batch_size" in platform.model_fields_set
            if said and batch > max(platform.max_batch_size, 1):
                raise ValueError(
                    f"workload.payload.batch {batch} goes over max_batch_size {platform.max_batch_size} "
                    f"of platform {platform.kind}; make it smaller, or raise max_batch_size"
                )
        if twice := first_repeated([experiment.kind for experiment in self.experiments]):
            raise ValueError(
                f"experiments: got {twice} twice; allowed: each kind once; leave one out, or run them as two specs"
            )
        for experiment in self.experiments:
            experiment.check(self.workload.clients)
        check_search(self.workload, self.objectives)
        return self
