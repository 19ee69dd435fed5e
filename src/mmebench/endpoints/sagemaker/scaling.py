"""Autoscaling of an endpoint's instances: registered with Application Auto Scaling, and seen from outside."""

import time
from collections import deque

from mmebench.endpoints.endpoint import InstanceChange, InstanceChangeKind
from mmebench.endpoints.sagemaker.aws import Aws, AwsError, calling
from mmebench.endpoints.sagemaker.deployment import Deployment
from mmebench.endpoints.sagemaker.names import Resource
from mmebench.endpoints.sagemaker.requests import scalable_target, scalable_target_request, scaling_policy_request
from mmebench.spec.autoscaling import Autoscaling


def begin_scaling(deployment: Deployment, scaling: Autoscaling) -> None:
    """Have the instances of the run's endpoint follow its requests.

    Raises:
        AwsError: AWS refused it.
    """
    run, client = deployment.run, deployment.aws.autoscaling
    deployment.journal.enter(Resource("scalable-target", scalable_target(run), deployment.spec.region))
    with calling(f"register the instances of {run} for autoscaling"):
        client.register_scalable_target(**scalable_target_request(run, scaling, deployment.tags))
    with calling(f"put the scaling policy of {run}"):
        client.put_scaling_policy(**scaling_policy_request(run, scaling))


class Instances:
    """What becomes of the instances of an endpoint, as far as somebody looks."""

    def __init__(self, aws: Aws, endpoint: str, first: int) -> None:
        self._aws = aws
        self._endpoint = endpoint
        self._wanted = self._serving = first
        self._changes: deque[InstanceChange] = deque(maxlen=1000)
        self._error: AwsError | None = None

    @property
    def changes(self) -> tuple[InstanceChange, ...]:
        """The last thousand, with when they were seen.

        Raises:
            AwsError: AWS does not say how it is with them.
        """
        if self._error is not None:
            raise self._error
        return tuple(self._changes)

    def look(self) -> None:
        """Ask how many serve and how many are wanted; while AWS cannot be heard, that is for the next time."""
        try:
            with calling(f"describe endpoint {self._endpoint}"):
                found = self._aws.sagemaker.describe_endpoint(EndpointName=self._endpoint)
        except AwsError as error:
            self._error = None if error.passing else error
            return
        (variant,) = found["ProductionVariants"]
        wanted, serving = variant["DesiredInstanceCount"], variant["CurrentInstanceCount"]
        if wanted not in (self._wanted, serving):
            self._changed("alarm", wanted)
        if serving != self._serving:
            if self._wanted == self._serving != serving and wanted == serving:
                self._changed("alarm", wanted)  # that was over before anybody looked
            self._changed("added" if serving > self._serving else "removed", serving)
        self._wanted, self._serving = wanted, serving

    def _changed(self, what: InstanceChangeKind, instances: int) -> None:
        self._changes.append(InstanceChange(what, instances, time.monotonic()))
