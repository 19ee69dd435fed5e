"""Inference components: one endpoint, and on it a container for each target, with what that has reserved.

A component is there until it is deleted; nothing is loaded when it is asked for, and nothing evicted. How AWS
words that its instances have no room for another is not documented.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from mmebench.endpoints.endpoint import NoRoomError
from mmebench.endpoints.sagemaker.aws import AwsError
from mmebench.endpoints.sagemaker.bucket import RunObjects
from mmebench.endpoints.sagemaker.deployment import CreationError, Deployment
from mmebench.endpoints.sagemaker.names import component_prefix
from mmebench.endpoints.sagemaker.requests import component_request, components_config_request
from mmebench.wire.target_names import component_of

_NO_ROOM = re.compile(r"insufficient|not enough|capacity|hardware resources", re.IGNORECASE)


class Components:
    """A :class:`~mmebench.endpoints.sagemaker.host.Host`."""

    added_ahead = 4

    def __init__(self, deployment: Deployment, objects: RunObjects) -> None:
        self._deployment = deployment
        self.endpoints = (deployment.run,)
        self._objects = objects
        self._refused: dict[str, NoRoomError] = {}

    def begin(self) -> None:
        """A config without a model, and the endpoint."""
        deployment = self._deployment
        deployment.progress("create the endpoint")
        request = components_config_request(deployment.spec, deployment.run, deployment.tags)
        deployment.create_config(request)
        deployment.create_endpoint(deployment.run)
        deployment.wait_for_endpoint(deployment.run)

    def add(self, archive: Path, targets: Iterable[str]) -> None:
        """A component for each, which comes up by itself."""
        deployment, added = self._deployment, list(targets)
        self._objects.add_targets(archive, added)
        for target in added:
            name, url = self._name(target), self._objects.targets_url + target
            request = component_request(deployment.spec, name, deployment.run, url, deployment.tags)
            deployment.progress(f"create inference component {name}")
            try:
                deployment.create_component(request)
            except AwsError as error:
                if error.code != "ResourceLimitExceeded" and not _NO_ROOM.search(error.text):
                    raise
                self._refused[target] = NoRoomError(str(error))

    def wait_for(self, target: str) -> None:
        """In service, or refused."""
        if target in self._refused:
            raise self._refused[target]
        try:
            self._deployment.wait_for_component(self._name(target))
        except CreationError as error:
            if _NO_ROOM.search(error.text):
                raise NoRoomError(
                    f"{error}; each reserves {self._reserved}: a larger instance type, more of them or a smaller "
                    "reservation has room for more"
                ) from None
            raise

    @property
    def _reserved(self) -> str:
        spec = self._deployment.spec
        assert spec.component is not None
        wanted = spec.component.requirements(spec.instance_type)
        memory = f"{wanted['MinMemoryRequiredInMb']:g} MiB"
        gpus = wanted.get("NumberOfAcceleratorDevicesRequired")
        return f"{memory} and {gpus:g} GPU" if gpus else memory

    def _name(self, target: str) -> str:
        return component_of(target, component_prefix(self._deployment.run))
