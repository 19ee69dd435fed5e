"""A multi-model endpoint: archives below one prefix of S3, which SageMaker loads when they are asked for."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from mmebench.endpoints.sagemaker.bucket import RunObjects
from mmebench.endpoints.sagemaker.deployment import Deployment
from mmebench.endpoints.sagemaker.requests import config_request, model_request
from mmebench.endpoints.sagemaker.scaling import begin_scaling
from mmebench.endpoints.server_metrics import TARGET
from mmebench.endpoints.server_metrics.reading import write_archive


class MultiModel:
    """A :class:`~mmebench.endpoints.sagemaker.host.Host`; its first target is ``server_metrics``."""

    added_ahead = 1

    def __init__(self, deployment: Deployment, objects: RunObjects) -> None:
        self._deployment = deployment
        self.endpoints = (deployment.run,)
        self._objects = objects

    def begin(self) -> None:
        """Model, config and endpoint, and autoscaling where it is asked for."""
        deployment = self._deployment
        spec, run, tags = deployment.spec, deployment.run, deployment.tags
        with tempfile.TemporaryDirectory() as scratch:
            deployment.progress("upload")
            self.add(write_archive(Path(scratch)), [TARGET])
        deployment.progress("create the model")
        deployment.create_model(model_request(spec, run, self._objects.targets_url, tags))
        deployment.progress("create the endpoint")
        deployment.create_config(config_request(spec, run, tags))
        deployment.create_endpoint(run)
        deployment.wait_for_endpoint(run)
        if spec.autoscaling is not None:
            deployment.progress("begin autoscaling")
            begin_scaling(deployment, spec.autoscaling)

    def add(self, archive: Path, targets: Iterable[str]) -> None:
        """It can be asked for at once."""
        self._objects.add_targets(archive, targets)

    def wait_for(self, target: str) -> None:
        """It is there."""
