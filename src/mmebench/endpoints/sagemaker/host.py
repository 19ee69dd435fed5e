"""What every way to host is to an endpoint on SageMaker, and which there are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, assert_never

from mmebench.endpoints.sagemaker.bucket import RunObjects
from mmebench.endpoints.sagemaker.components import Components
from mmebench.endpoints.sagemaker.deployment import Deployment
from mmebench.endpoints.sagemaker.multi_model import MultiModel
from mmebench.endpoints.sagemaker.single_model import SingleModel


class Host(Protocol):
    """How archives get behind an endpoint, by the way in which models are hosted."""

    added_ahead: int
    """How many targets may be set up at a time."""

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The names of those that serve, as far as they were asked for."""

    def begin(self) -> None:
        """Create what is there before the first target, and wait until it is up.

        Raises:
            AwsError: AWS refused something, or it did not come up. NoRoomError: the account may have no more.
        """

    def add(self, archive: Path, targets: Iterable[str]) -> None:
        """Copy an archive to where it is served from, and begin whatever each target needs.

        Raises:
            AwsError: AWS refused something.
        """

    def wait_for(self, target: str) -> None:
        """Return once it can be asked.

        Raises:
            NoRoomError: there is no room for it. AwsError: it did not come up.
        """


def find_host(deployment: Deployment, objects: RunObjects) -> Host:
    """That of the deployment's spec."""
    match deployment.spec.hosting:
        case "multi-model":
            return MultiModel(deployment, objects)
        case "components":
            return Components(deployment, objects)
        case "single":
            return SingleModel(deployment, objects)
    assert_never(deployment.spec.hosting)
