"""A local endpoint as the rest of mmebench sees it: ``mmebench serve`` as a child process."""

import http.client
import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import psutil
from typing_extensions import override

from mmebench import server_directory
from mmebench.endpoints import serve_process
from mmebench.endpoints.counters import EndpointCounters, read_counters
from mmebench.endpoints.endpoint import (
    GpuUse,
    InstanceChange,
    InstanceUse,
    MachinePart,
    Metric,
    Residency,
    TargetLoading,
)
from mmebench.endpoints.machine_limits import check_room, deal
from mmebench.endpoints.machine_metrics import MachineMetrics
from mmebench.endpoints.opener import Opener, Progress
from mmebench.endpoints.processes import parts_of
from mmebench.errors import BadInputError, MmebenchError
from mmebench.formats.triton_config import parse_more
from mmebench.gpus.gpu import short_name
from mmebench.gpus.nvml import find_gpus
from mmebench.record.run import Price
from mmebench.server_signals import DEPLOY
from mmebench.spec import PlatformSpec
from mmebench.spec.endpoints import LocalEndpoint as Spec
from mmebench.units import human_bytes
from mmebench.wire.target_names import archive_of, archive_path, component_of

_DEPLOYED_CHECK_SECONDS = 0.05
_KILLED_SECONDS = 5.0
_OF_OTHER_BACKENDS = ("optimization", "response_cache", "cc_model_filenames", "metric_tags")
"""Of a config.pbtxt: what Triton's own backends look at, or a Triton that was started for it."""
_PARAMETERS = (
    "intra_op_thread_count",
    "enable_cache_cleaning",
    "memory.enable_memory_arena_shrinkage",
    "force_cpu_only_input_tensors",
)
"""Parameters of a config.pbtxt that backends here know."""


class LocalEndpoint:
    """An :class:`~mmebench.endpoints.endpoint.Endpoint` on this machine; made by :func:`start`."""

    region = "local"
    prefix = ""
    monitored_late = False

    def __init__(self, spec: Spec, store: Path, process: subprocess.Popen[bytes], invocations: str) -> None:
        address = urlsplit(invocations)
        self.name = spec.name
        self.hosting = spec.hosting
        self.url = f"{address.scheme}://{address.netloc}"
        self._archives: dict[str, str] = {}
        """The target that each archive in the store is of, where their names differ."""
        self.pid = process.pid
        """The process that serves; Triton is its child."""
        self._netloc = address.netloc
        self._store = store
        self._process = process
        self.container = str(self._about()["Container"])
        residency = self.residency()
        self.instance_type = _machine(residency, spec.memory)
        if spec.hosting != "multi-model":
            self.instance_type += f"-{spec.hosting}"
        used = {gpu.gpu for gpu in residency.gpus}
        self._machine = MachineMetrics([gpu for gpu in find_gpus() if gpu.index in used] if used else ())

    @property
    def loads_at_once(self) -> int:
        """One on GPUs until a first model has shown that their driver tells what each process takes."""
        return int(self._about()["LoadsAtOnce"])

    def _about(self) -> dict[str, Any]:
        return self._get(f"/endpoints/{self.name}")

    def add_targets(self, archive: Path, targets: Iterable[str]) -> None:
        """Hard links of ``archive`` in the store, or copies where the file system has no links to give."""
        for target in targets:
            path = archive_path(self._store, self._archive_of(target))
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.part")
            partial.unlink(missing_ok=True)
            try:
                os.link(archive, partial)
            except OSError:
                shutil.copyfile(archive, partial)
            partial.replace(path)
            partial.unlink(missing_ok=True)  # replacing a file by a link to itself leaves both

    def remove_targets(self, targets: Iterable[str]) -> None:
        """Remove archives from the store; one that is not there is as good as removed."""
        for target in targets:
            archive_path(self._store, self._archive_of(target)).unlink(missing_ok=True)

    def _archive_of(self, target: str) -> str:
        """Where the server looks for it: by the name of a component it finds the archive of that name."""
        if self.hosting == "multi-model":
            return target
        archive = archive_of(component_of(target))
        if (other := self._archives.setdefault(archive, target)) != target:
            raise BadInputError(
                f"targets {other} and {target} would both be called {component_of(target)}; rename one"
            )
        return archive

    def _target_of(self, archive: str) -> str:
        return self._archives.get(archive, archive)

    def residency(self) -> Residency:
        """What is in memory now; what it takes was measured when it was loaded, or at most ten seconds ago."""
        return self._residency("residency")

    def measure(self) -> Residency:
        """The same, with all memory measured now."""
        return self._residency("residency?measure=now")

    def counters(self) -> EndpointCounters | None:
        """What ``/metrics`` says."""
        counted = read_counters(self.url)
        return replace(counted, targets={self._target_of(name): each for name, each in counted.targets.items()})

    def parts(self) -> tuple[MachinePart, ...]:
        """Router, container, the processes of models, and their shared memory."""
        return parts_of(self.pid)

    def metrics(self, since: datetime, until: datetime) -> tuple[Metric, ...]:
        """Of this machine and of the endpoint's GPUs, by the second."""
        return self._machine.between(since, until)

    def recent_loads(self) -> tuple[TargetLoading, ...]:
        """The last 1,024."""
        found = self._get(f"/endpoints/{self.name}/loads")["loads"]
        return tuple(TargetLoading(**load | {"target": self._target_of(load["target"])}) for load in found)

    def deploy(self) -> float:
        """Signal the server to do it, and wait until it has."""
        before = len(self.changes())
        os.kill(self.pid, DEPLOY)
        deadline = time.monotonic() + serve_process.READY_SECONDS
        while time.monotonic() < deadline:
            for change in self.changes()[before:]:
                if change.what == "deployed":
                    return change.at
                if change.what == "failed":
                    raise MmebenchError("new instances did not come up, and the old ones go on; the log says more")
            time.sleep(_DEPLOYED_CHECK_SECONDS)
        raise MmebenchError(f"new instances were not ready within {serve_process.READY_SECONDS:g} s")

    def lose(self) -> float:
        """Kill it; the server starts it again."""
        container = psutil.Process(self.pid).children()[0]
        at = time.monotonic()
        container.kill()
        container.wait(_KILLED_SECONDS)
        return at

    def changes(self) -> tuple[InstanceChange, ...]:
        """The last thousand."""
        found = self._get(f"/endpoints/{self.name}/changes")["changes"]
        return tuple(InstanceChange(**change) for change in found)

    def close(self) -> None:
        """SIGTERM, and SIGKILL after a while; nothing of it is left, whatever happened to it before."""
        if self._process.stdout is None or self._process.stdout.closed:
            return
        self._machine.close()
        serve_process.stop(self._process)
        self._process.stdout.close()
        server_directory.sweep()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _residency(self, what: str) -> Residency:
        found = self._get(f"/endpoints/{self.name}/{what}")
        parts = {
            "resident": tuple(map(self._target_of, found["resident"])),
            "gpus": tuple(GpuUse(**gpu) for gpu in found["gpus"]),
            "instances": tuple(InstanceUse(**instance) for instance in found["instances"]),
        }
        return Residency(**found | parts)

    def _get(self, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._netloc, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
            if answer.status != 200:
                raise ValueError(f"{answer.status}: {found.get('Message')}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            code = self._process.poll()
            state = "still runs" if code is None else f"ended with exit code {code}"
            raise MmebenchError(
                f"the local endpoint does not answer ({error}); it {state}; its log says more"
            ) from error
        finally:
            connection.close()
        return found


class LocalOpener(Opener[Spec]):
    """Little is to be asked for on this machine."""

    @override
    def check(self, spec: Spec, runs: int, builds: int) -> dict[str, Price]:
        if spec.container_url is None:
            gpus = [] if spec.devices == () else find_gpus()
            gpus = [gpu for gpu in gpus if spec.devices is None or gpu.index in spec.devices]
            check_room(spec, gpus)
            deal(gpus, spec.most_instances)
        if builds and spec.container_url is None:
            raise BadInputError(
                "platform trt: the Triton that comes with mmebench has no TensorRT backend; start NVIDIA's image "
                "on a machine with a GPU (docker run --gpus all -e SAGEMAKER_MULTI_MODEL=true …, see "
                "docs/local-endpoint.md) and give its URL as endpoint.container"
            )
        return {} if spec.price is None else {"": Price(usd_per_hour=spec.price, source="the spec")}

    @override
    def ignored(self, spec: Spec, platform: PlatformSpec) -> tuple[str, ...]:
        """Triton itself does what is of Triton; its backends here are ours, and know few options of its own."""
        if platform.config is None or spec.container_url is not None:
            return ()
        more = parse_more(platform.config, "config")
        return (
            *(field.name for field, _ in more.ListFields() if field.name in _OF_OTHER_BACKENDS),
            *(f"parameters {name}" for name in sorted(more.parameters) if name.lower() not in _PARAMETERS),
        )

    @override
    def open(self, spec: Spec, store: Path, log: Path, progress: Progress) -> LocalEndpoint:
        return start(spec, store, log)


def start(spec: Spec, store: Path, log: Path) -> LocalEndpoint:
    """Start an endpoint over the archives in ``store`` and wait until it answers.

    It ends when :meth:`LocalEndpoint.close` is called, and also when the thread that called this ends, so call it
    from one that lives.

    Raises:
        BadInputError: the spec or the store cannot be served. MmebenchError: it did not come up; the message is
            that of ``mmebench serve``, and ``log`` has the rest.
    """
    process, invocations = serve_process.start(spec, store, log)
    try:
        return LocalEndpoint(spec, store, process, invocations)
    except BaseException:
        serve_process.stop(process)
        server_directory.sweep()
        raise


def _machine(residency: Residency, memory: int | None) -> str:
    """``local-2cpu-4GiB``, ``local-1xH100-80GiB``: what targets run on, and how much memory of it they may use.

    Of three instances ``local-2cpu-3x4GiB``: cores they share, memory they don't.
    Of a GPU it is all of it where nobody says less, whatever others use at the moment.
    """
    sizes = {_size(gpu.total if memory is None else memory) for gpu in residency.gpus}
    instances = len(residency.instances)
    several = f"{instances}x" if instances else ""
    if not residency.gpus:
        budget = residency.instances[0].memory_budget if instances else residency.memory_budget
        return f"local-{_cores()}cpu" + ("" if budget is None else f"-{several}{_size(budget)}")
    models = Counter(short_name(gpu.name) for gpu in residency.gpus)
    names = [f"{count}x{model}" for model, count in models.items()]
    return "-".join(["local", *([f"{instances}instances"] if instances else []), *names, *sorted(sizes)])


def _size(size: int) -> str:
    return human_bytes(size).replace(" ", "")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
