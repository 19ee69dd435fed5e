"""What the commands for SageMaker share."""

from pathlib import Path

from mmebench.endpoints.sagemaker.session import with_session_defaults
from mmebench.errors import BadInputError
from mmebench.models.archive_completion import complete_archives
from mmebench.models.building import count_builds
from mmebench.spec import SageMakerEndpoint, Spec
from mmebench.spec.reading import load_spec


def read_spec(path: Path, overrides: tuple[str, ...] = ()) -> tuple[Spec, SageMakerEndpoint, int]:
    """The spec, its endpoint as the session completes it, and how much is built for each instance type.

    Raises:
        BadInputError: it is no spec, or its endpoint is local.
    """
    spec = complete_archives(load_spec(path, overrides))
    if not isinstance(spec.endpoint, SageMakerEndpoint):
        raise BadInputError(f"{path}: its endpoint is local; this is for endpoint: {{kind: sagemaker, …}}")
    endpoint = with_session_defaults(spec.endpoint)
    return spec, endpoint, count_builds(spec.fleets, endpoint)
