"""The spec: what the user asks for, as strict models of one YAML file.

:func:`mmebench.spec.reading.load_spec` is the only way in. A field that is not known, a value of the wrong
type or a combination that cannot work is refused there, before anything is started, with one message that
names every mistake.
"""

from mmebench.spec.arrivals import Arrivals, ClosedLoop, ConstantRate, Poisson, RateArrivals, Trace
from mmebench.spec.endpoints import LocalEndpoint
from mmebench.spec.endpoints.endpoint import ServedEndpoint
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint
from mmebench.spec.experiments import EXPERIMENTS, Experiment
from mmebench.spec.fleet import ArchiveFolder, Fleet, Kind, Member, MemberTargets
from mmebench.spec.platforms import (
    PLATFORMS,
    DynamicBatching,
    ExportedProgram,
    Onnx,
    PlatformSpec,
    TensorRt,
    platform_kind,
    platform_label,
)
from mmebench.spec.popularity import HotSet, Popularity, RoundRobin, TracedTargets, Uniform, Weights, Zipf
from mmebench.spec.profile import Auto, Profile, Ramp, Search, Stage, Stationary
from mmebench.spec.run import Spec
from mmebench.spec.sources import FileModel, HuggingFaceModel, ModelSource, TimmModel, TorchvisionModel
from mmebench.spec.workload import Goodput, Objectives, Payload, Targets, Workload

__all__ = [
    "EXPERIMENTS",
    "PLATFORMS",
    "ArchiveFolder",
    "Arrivals",
    "Auto",
    "ClosedLoop",
    "ConstantRate",
    "DynamicBatching",
    "Experiment",
    "ExportedProgram",
    "FileModel",
    "Fleet",
    "Goodput",
    "HotSet",
    "HuggingFaceModel",
    "Kind",
    "LocalEndpoint",
    "Member",
    "MemberTargets",
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
