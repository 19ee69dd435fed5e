"""A SageMaker endpoint as the rest of mmebench sees it: created for one run, and deleted with all around it."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from mmebench.endpoints.counters import EndpointCounters
from mmebench.endpoints.endpoint import CleanUpError, InstanceChange, MemoryUse, Metric, TargetLoading
from mmebench.endpoints.sagemaker import journal as journals
from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.endpoints.sagemaker.bucket import RunObjects, check_bucket
from mmebench.endpoints.sagemaker.cloudwatch import read_metrics
from mmebench.endpoints.sagemaker.deletion import delete
from mmebench.endpoints.sagemaker.deployment import Deployment
from mmebench.endpoints.sagemaker.host import Host, find_host
from mmebench.endpoints.sagemaker.image import image_uri
from mmebench.endpoints.sagemaker.names import Resource, component_prefix, expiry, run_name, tags
from mmebench.endpoints.sagemaker.owner import this_process
from mmebench.endpoints.sagemaker.replacement import replace_instances
from mmebench.endpoints.sagemaker.scaling import Instances
from mmebench.endpoints.server_metrics.reading import ServerMetrics, as_metrics, read_server_metrics
from mmebench.errors import MmebenchError
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint as Spec
from mmebench.units import human_seconds
from mmebench.uptime import uptime
from mmebench.wire.runtime import InvocationError, RuntimeClient

_MEBIBYTE = 1024 * 1024
_SAMPLE_SECONDS = 10.0
_SILENCES = 3

Progress = Callable[[str], None]


class SageMakerEndpoint:
    """An :class:`~mmebench.endpoints.endpoint.Endpoint` on SageMaker; made by :func:`start`.

    AWS does not say which targets are in memory, so that neither does this. Memory is what the ``server_metrics``
    target reads on the instance; nothing where it cannot be served.
    """

    monitored_late = True
    loads_at_once = 4
    """An assumption: AWS says nothing of it, and those that it does not load at once wait for their turn."""

    def __init__(self, deployment: Deployment, objects: RunObjects, host: Host) -> None:
        aws, spec, run = deployment.aws, deployment.spec, deployment.run
        self.name = run
        self.hosting = spec.hosting
        self.prefix = component_prefix(run)
        self.url = aws.runtime_url()
        self.region = spec.region
        self.instance_type = spec.instance_type
        if spec.hosting != "multi-model":
            self.instance_type += f"-{spec.hosting}"
        self.added_ahead = host.added_ahead
        self.container = image_uri(spec).rpartition("/")[2]
        self._deployment = deployment
        self._spec = spec
        self._objects = objects
        self._host = host
        self._journal = deployment.journal
        self._replacements = count(1)
        self._born = uptime()
        self._client = RuntimeClient(self, spec.profile)
        self._instances = Instances(aws, run, spec.instance_count)
        # Only archives of a multi-model endpoint can be beside what is measured.
        self._silences = 0 if spec.hosting == "multi-model" else _SILENCES
        self._asked = 0.0
        self._samples: list[tuple[datetime, ServerMetrics]] = []
        self._last = MemoryUse()
        self._closed = False
        self.stays: str | None = None

    def add_targets(self, archive: Path, targets: Iterable[str]) -> None:
        """Copies that S3 makes of ``archive``, which is uploaded once, and what each of them needs."""
        self._check_lifetime()
        self._host.add(archive, targets)

    def wait_for(self, target: str) -> None:
        """Return once it is in service; a multi-model endpoint loads it when it is asked for."""
        self._check_lifetime()
        self._host.wait_for(target)

    def remove_targets(self, targets: Iterable[str]) -> None:
        """Delete them from S3."""
        self._objects.remove_targets(targets)

    def residency(self) -> MemoryUse:
        """Memory as it was measured last, about ten seconds ago; which targets are in it, nobody says.

        Raises:
            MmebenchError: the endpoint's lifetime is over, and with it the run.
        """
        self._check_lifetime()
        if time.monotonic() - self._asked > _SAMPLE_SECONDS:
            self._asked = time.monotonic()
            threading.Thread(target=self._look, name="server_metrics", daemon=True).start()
        return self._last

    def changes(self) -> tuple[InstanceChange, ...]:
        """Of its instances, seen within some ten seconds while somebody asks for residency."""
        return self._instances.changes

    def deploy(self) -> float:
        """By an update of the endpoint; in sight within five seconds, after some minutes."""
        self._check_lifetime()
        return replace_instances(self._deployment, next(self._replacements))

    def measure(self) -> MemoryUse:
        """The same, with the memory of the GPU read now; nothing is known where there is none."""
        self._check_lifetime()
        self._sample()
        return self._last

    def _look(self) -> None:
        """At what changes by itself."""
        if self._spec.autoscaling is not None:
            self._instances.look()
        self._sample()

    def _sample(self) -> None:
        """Ask the server_metrics target, unless it has been silent several times."""
        if self._silences == _SILENCES:
            return
        try:
            found = read_server_metrics(self._client)
        except (InvocationError, ValueError):
            self._silences += 1
            return
        self._silences = 0
        self._asked = time.monotonic()
        self._samples.append((datetime.now(UTC), found))
        if found.gpu_total_memory:
            used, total = sum(found.gpu_used_memory), sum(found.gpu_total_memory)
            self._last = MemoryUse(round(used * _MEBIBYTE), round(total * _MEBIBYTE))

    def metrics(self, since: datetime, until: datetime) -> tuple[Metric, ...]:
        """Of CloudWatch and of the server_metrics target, which is asked every ten seconds of a load.

        Raises:
            AwsError: CloudWatch does not answer.
        """
        own = tuple(
            metric for at, sample in self._samples if since <= at <= until for metric in as_metrics(at, sample)
        )
        several = len(self._host.endpoints) > 1
        return own + tuple(
            replace(metric, source=f"{metric.source}, {name}") if several else metric
            for name in self._host.endpoints
            for metric in read_metrics(self._deployment.aws, name, since, until)
        )

    def counters(self) -> EndpointCounters | None:
        """CloudWatch counts, a minute at a time and later; nobody here and now."""
        return None

    def recent_loads(self) -> tuple[TargetLoading, ...]:
        """Nobody says."""
        return ()

    def close(self) -> None:
        """Delete everything that was created; safe to call twice.

        Raises:
            CleanUpError: something is still there; its journal too, for ``mmebench clean``.
        """
        if self._closed:
            return
        self._closed = True
        self._silences = _SILENCES
        self._client.close()
        try:
            left = delete(self._journal.resources, lambda region: self._deployment.aws)
        except BaseException as error:
            error.add_note(f"{self.name} is not deleted yet, and costs money; run mmebench clean")
            self._journal.close()
            raise
        if left:
            self._journal.close()
            reasons = "\n".join(f"  {resource}: {reason}" for resource, reason in left.items())
            raise CleanUpError(
                f"not everything of {self.name} could be deleted, and what is left costs money; "
                f"run mmebench clean\n{reasons}"
            )
        self._journal.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spec.keep and error is None:
            self._leave()
        else:
            close_after(self, error)

    def _leave(self) -> None:
        """Let it stay, and say until when and how it goes."""
        self._closed = True
        self._client.close()
        until = expiry(self.name) or datetime.now(UTC)
        self._journal.keep(until)
        self.stays = (
            f"endpoint {self.name} stays and costs money until it is deleted: mmebench clean --run {self.name}; "
            f"any mmebench clean after {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC deletes it, too"
        )

    def _check_lifetime(self) -> None:
        lived = uptime() - self._born
        if lived > self._spec.lifetime:
            raise MmebenchError(
                f"endpoint {self.name} has lived for {human_seconds(lived)}, as long as endpoint.lifetime allows; "
                "raise it (and endpoint.budget) for a longer run; what was measured is kept"
            )


def start(spec: Spec, log: Path, progress: Progress) -> SageMakerEndpoint:
    """Create an endpoint on ``spec.instance_type`` and wait for it; it has no target that is measured yet.

    Args:
        spec: of one instance type.
        log: what was done, and when, is appended to it.
        progress: told what is done now.

    Raises:
        BadInputError: the bucket or the image cannot be used; nothing was created. MmebenchError: AWS refused
            something, or the endpoint did not come up; what was created is deleted again.
    """
    image_uri(spec)
    aws = Aws(spec.region, spec.profile)
    check_bucket(aws, spec)
    run = run_name(datetime.now(UTC) + timedelta(seconds=spec.lifetime))
    labels = tags(run, this_process())
    journal = journals.begin(run, spec.role_account)
    objects = RunObjects(aws, spec, run, labels)
    told = _logged(progress, log, run)
    deployment = Deployment(aws, spec, run, labels, journal, told)
    host = find_host(deployment, objects)
    endpoint = SageMakerEndpoint(deployment, objects, host)
    try:
        journal.enter(Resource("objects", objects.url, spec.region))
        host.begin()
    except BaseException as error:
        close_after(endpoint, error)
        raise
    told("in service")
    return endpoint


def close_after(endpoint: SageMakerEndpoint, error: BaseException | None) -> None:
    """Close it; a failure to do so is a note to ``error``, which it must not hide, or else raised."""
    try:
        endpoint.close()
    except CleanUpError as left:
        if error is None:
            raise
        error.add_note(str(left))


def _logged(progress: Progress, log: Path, run: str) -> Progress:
    log.parent.mkdir(parents=True, exist_ok=True)

    def tell(message: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {run}: {message}\n")
        progress(message)

    return tell
