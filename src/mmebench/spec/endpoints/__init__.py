"""Where models are served: a file for each kind of endpoint that a benchmark starts, and what runs already."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from mmebench.spec.endpoints.endpoint import ServedEndpoint
from mmebench.spec.endpoints.existing import ExistingEndpoint
from mmebench.spec.endpoints.local import LocalEndpoint
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint
from mmebench.spec.kinds import Kinds

ENDPOINTS = Kinds[ServedEndpoint](
    "endpoints",
    LocalEndpoint,
    SageMakerEndpoint,
)


def _local_unless_told(value: Any) -> Any:
    return {"kind": "local"} | value if isinstance(value, dict) else value


AnyEndpoint = Annotated[ServedEndpoint, ENDPOINTS, BeforeValidator(_local_unless_told)]

__all__ = ["ENDPOINTS", "AnyEndpoint", "ExistingEndpoint", "LocalEndpoint", "SageMakerEndpoint", "ServedEndpoint"]
