"""What the rest of mmebench knows of a multi-model endpoint, wherever it runs.

An endpoint speaks the SageMaker Runtime API: ``POST /endpoints/{name}/invocations`` with the target's name in
``X-Amzn-SageMaker-Target-Model``. Requests of the measured load never pass through this interface; it is for
what surrounds them: put archives behind the endpoint, ask what is in memory, take the endpoint down.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, runtime_checkable

from mmebench.endpoints.counters import EndpointCounters
from mmebench.errors import MmebenchError
from mmebench.spec.hosting import Hosting


@dataclass(frozen=True)
class GpuUse:
    """One GPU of an endpoint that says which targets are on it."""

    gpu: int
    """Its number on the machine."""
    name: str
    total: int
    """Bytes that it has."""
    used: int
    """Bytes that its targets take."""
    budget: int | None
    targets: int


@dataclass(frozen=True)
class InstanceUse:
    """What one of several instances holds and does."""

    targets: int
    """In its memory; ``loads`` and ``evictions`` are its own, too."""
    loads: int
    evictions: int
    memory_used: int
    memory_budget: int | None
    invocations: int
    """Requests that it got since the endpoint came up."""
    in_flight: int
    """Those of them that it has not answered yet."""


InstanceChangeKind = Literal["deployed", "alarm", "added", "removed", "failed"]


@dataclass(frozen=True)
class InstanceChange:
    """What became of the instances of an endpoint."""

    what: InstanceChangeKind
    """``deployed``: all were replaced by new ones; ``alarm``: more or fewer are wanted; ``added``: one more
    serves; ``removed``: one serves no more; ``failed``: one did not come up."""
    instances: int
    """How many serve from then on; with an alarm: how many are wanted."""
    at: float
    """When, by ``time.monotonic``, which is the same for all processes of a machine."""


@dataclass(frozen=True)
class Residency:
    """Which targets are in memory, and what it took.

    ``resident`` runs from the least to the most recently used. The counters run from the endpoint's start.
    """

    resident: tuple[str, ...]
    loads: int
    evictions: int
    memory_used: int
    """Bytes that targets take, as measured: of all GPUs together where the endpoint has any, else of the host."""
    memory_budget: int | None
    """Bytes that the targets may use together; None where nobody says."""
    host_memory_used: int = 0
    """Bytes of the host's memory that targets take; without GPUs the same as ``memory_used``."""
    host_memory_budget: int | None = None
    memory_kept: int = 0
    """Bytes of ``memory_used`` on GPUs that targets have taken since they were loaded: what frameworks keep for
    later inferences (PyTorch's caching allocator, ONNX Runtime's arena, workspaces)."""
    by_growth: bool = False
    """Whether memory of GPUs is what it grew by, as their driver does not say what processes take."""
    gpus: tuple[GpuUse, ...] = ()
    """Each of its GPUs; empty where targets run on the CPU."""
    instances: tuple[InstanceUse, ...] = ()
    """Each of them, where there are several; all else is of all together."""

    @property
    def least_recently_used(self) -> str | None:
        """The target that would be evicted next; None without any, and of several instances."""
        return self.resident[0] if self.resident and not self.instances else None


@dataclass(frozen=True)
class MemoryUse:
    """All that is known of an endpoint that does not say which targets are in memory; None for what is not."""

    memory_used: int | None = None
    """Bytes of GPU memory in use by anybody, as :class:`Residency`'s where there is no GPU."""
    memory_budget: int | None = None


@dataclass(frozen=True)
class TargetLoading:
    """How one load of a target went: seconds from when it was first asked for until it could answer."""

    target: str
    seconds: float
    downloading: float
    """Of these, until its archive was on this machine; ``unpacking``: until its files were there."""
    unpacking: float
    loading: float
    """In the container."""

    @property
    def waiting(self) -> float:
        """For its turn, for others to be evicted, and for what it takes to be measured."""
        return self.seconds - self.downloading - self.unpacking - self.loading


@dataclass(frozen=True)
class Metric:
    """One value that a monitoring of the endpoint has recorded."""

    at: datetime
    """UTC; of a stretch of time its start."""
    source: str
    metric: str
    statistic: str
    unit: str
    value: float


class CleanUpError(MmebenchError):
    """What was asked for is done, and something that was started for it, and may cost money, is still there."""

    exit_code = 4


class NoRoomError(MmebenchError):
    """There is no room for another one: of endpoints in the account, or of components on their instances."""


@runtime_checkable
class Provisioned(Protocol):
    """An endpoint on which each target is set up by itself, which goes on after it was added."""

    added_ahead: int
    """How many may be set up at a time."""

    def wait_for(self, target: str) -> None:
        """Return once it can be asked.

        Raises:
            NoRoomError: there is no room for it. MmebenchError: it did not come up.
        """


@runtime_checkable
class Monitored(Protocol):
    """An endpoint that others watch as well."""

    monitored_late: bool
    """Whether they show what happened only minutes later."""

    def metrics(self, since: datetime, until: datetime) -> tuple[Metric, ...]:
        """What they recorded in that time; may be asked, and is best asked, after it was closed."""


@dataclass(frozen=True)
class MachinePart:
    """What a part of an endpoint takes of the machine it runs on; None for what it has none of."""

    name: str
    bytes: int
    processes: int | None
    files: int | None
    """Open at this moment; of shared memory: its regions."""
    threads: int | None


@runtime_checkable
class OnThisMachine(Protocol):
    """An endpoint whose processes can be looked at."""

    def parts(self) -> tuple[MachinePart, ...]:
        """What each part takes now."""


@runtime_checkable
class Changing(Protocol):
    """An endpoint that says what becomes of its instances."""

    def changes(self) -> tuple[InstanceChange, ...]:
        """Since it came up, oldest first, the last thousand; seen when somebody looked, which may be late."""


@runtime_checkable
class Deployable(Changing, Protocol):
    """One whose instances can be replaced as well."""

    def deploy(self) -> float:
        """Put new instances in the place of all, with nothing in memory; since when requests go there.

        That is by ``time.monotonic``, and may be a little before this returns.

        Raises:
            MmebenchError: they did not come up; the old ones go on.
        """


@runtime_checkable
class Mortal(Protocol):
    """One that can lose an instance."""

    def lose(self) -> float:
        """Let the container of one instance die, with what it has in memory; when, by ``time.monotonic``."""


@runtime_checkable
class Staying(Protocol):
    """An endpoint that may be asked to stay after its run."""

    stays: str | None
    """Until when, and how it is deleted; None for one that was taken down."""


class Endpoint(Protocol):
    """A multi-model endpoint that is up; a context manager that takes it down, whatever happened."""

    name: str
    hosting: Hosting
    prefix: str
    """What the names of its components, or of its endpoints of one model, begin with."""
    url: str
    """Base URL of the SageMaker Runtime API, for ``endpoint_url`` of boto3."""
    region: str
    instance_type: str
    """``ml.g5.xlarge``, or what this machine is, e.g. ``local-2cpu-4GiB``. No ``_`` and no ``*``."""
    container: str
    """What holds the models, e.g. ``triton 2.51.0`` or ``python (fallback)``."""

    @property
    def loads_at_once(self) -> int:
        """So many targets are loaded at a time; others wait for their turn."""

    def add_targets(self, archive: Path, targets: Iterable[str]) -> None:
        """Make copies of ``archive`` addressable under these names; nothing is loaded yet."""

    def remove_targets(self, targets: Iterable[str]) -> None:
        """Take archives away from behind the endpoint; what is in memory stays there until it is evicted."""

    def residency(self) -> Residency | MemoryUse:
        """What is in memory now, and what it took when somebody last looked; costs the endpoint nothing."""

    def measure(self) -> Residency | MemoryUse:
        """The same, with memory measured anew, which costs the endpoint some time for each target."""

    def counters(self) -> EndpointCounters | None:
        """What it has counted since it came up; None where nobody says."""

    def recent_loads(self) -> tuple[TargetLoading, ...]:
        """The last loads, at least a thousand, oldest first; none where nobody says."""

    def close(self) -> None:
        """Take everything down that was started; safe to call twice."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
