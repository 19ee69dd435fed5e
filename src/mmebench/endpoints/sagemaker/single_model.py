"""An endpoint for each target, as many as the spec allows."""

from collections.abc import Iterable
from pathlib import Path

from mmebench.endpoints.endpoint import NoRoomError
from mmebench.endpoints.sagemaker.bucket import RunObjects
from mmebench.endpoints.sagemaker.deployment import Deployment
from mmebench.endpoints.sagemaker.names import component_prefix
from mmebench.endpoints.sagemaker.requests import config_request, single_model_request
from mmebench.wire.target_names import component_of


class SingleModel:
    """A :class:`~mmebench.endpoints.sagemaker.host.Host`."""

    def __init__(self, deployment: Deployment, objects: RunObjects) -> None:
        self._deployment = deployment
        self.endpoints: tuple[str, ...] = ()
        self._objects = objects
        self._refused: dict[str, NoRoomError] = {}
        self.added_ahead = deployment.spec.most_endpoints

    def begin(self) -> None:
        """There is nothing before the first target."""

    def add(self, archive: Path, targets: Iterable[str]) -> None:
        """Model, config and endpoint of each, which comes up by itself."""
        deployment, added = self._deployment, list(targets)
        self._objects.add_targets(archive, added)
        for target in added:
            name, url = self._name(target), self._objects.targets_url + target
            deployment.progress(f"create endpoint {name}")
            deployment.create_model(single_model_request(deployment.spec, name, url, deployment.tags))
            deployment.create_config(config_request(deployment.spec, name, deployment.tags))
            try:
                deployment.create_endpoint(name)
                self.endpoints += (name,)
            except NoRoomError as error:
                self._refused[target] = error

    def wait_for(self, target: str) -> None:
        """In service, or refused."""
        if target in self._refused:
            raise self._refused[target]
        self._deployment.wait_for_endpoint(self._name(target))

    def _name(self, target: str) -> str:
        return component_of(target, component_prefix(self._deployment.run))
