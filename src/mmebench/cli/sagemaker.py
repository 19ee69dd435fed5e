"""What the commands for SageMaker share."""

from pathlib import Path

from mmebench.errors import BadInputError
from mmebench.models.engine import is_built
from mmebench.spec import SageMakerEndpoint, Spec
from mmebench.spec.reading import load_spec


def read_spec(path: Path, overrides: tuple[str, ...] = ()) -> tuple[Spec, SageMakerEndpoint, int]:
    """The spec, its endpoint, and how many TensorRT engines it has built for each instance type.

    Raises:
        BadInputError: it is no spec, or its endpoint is local.
    """
    spec = load_spec(path, overrides)
    if not isinstance(spec.endpoint, SageMakerEndpoint):
        raise BadInputError(f"{path}: its endpoint is local; this is for endpoint: {{kind: sagemaker, …}}")
    return spec, spec.endpoint, sum(is_built(spec.model, platform) for platform in spec.platforms)
