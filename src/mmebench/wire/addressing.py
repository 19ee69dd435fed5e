"""How a request says which model it is for, by the way in which that is hosted.

As InvokeEndpoint of the Amazon SageMaker Runtime API has it: ``TargetModel`` and ``InferenceComponentName`` are
headers, the name of the endpoint is part of the path.
"""

from typing import NamedTuple, assert_never

from mmebench.spec.hosting import Hosting
from mmebench.wire.addresses import invocation_path
from mmebench.wire.target_names import component_of

TARGET_MODEL = "X-Amzn-SageMaker-Target-Model"
INFERENCE_COMPONENT = "X-Amzn-SageMaker-Inference-Component"


class Address(NamedTuple):
    """Where a request goes, and what it says there beside its content."""

    path: str
    headers: dict[str, str]


def address_of(hosting: Hosting, endpoint: str, target: str, prefix: str = "") -> Address:
    """Of the requests for a target: an archive, or the name of a component, or that of an endpoint of its own.

    Args:
        hosting: how it is hosted.
        endpoint: the name of the endpoint.
        target: which.
        prefix: what the names of components, and of endpoints of one model, begin with.
    """
    match hosting:
        case "multi-model":
            return Address(invocation_path(endpoint), {TARGET_MODEL: target})
        case "components":
            return Address(invocation_path(endpoint), {INFERENCE_COMPONENT: component_of(target, prefix)})
        case "single":
            return Address(invocation_path(component_of(target, prefix)), {})
    assert_never(hosting)
