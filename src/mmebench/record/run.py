"""The record of one run: a model on a platform on an endpoint, and all that is needed to read its samples."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from mmebench.errors import BadInputError
from mmebench.record.layout import RunFiles, find_runs
from mmebench.replacing import write_whole
from mmebench.spec import Objectives
from mmebench.units import counted

_KEPT = 4096
"""Records that are not parsed again."""


class Record(BaseModel):
    """Written once, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FirstInvocation(Record):
    """The first invocation of one target: it waits for the target to be loaded."""

    target: str
    kind: str | None = None
    """Of a fleet: which of :attr:`Run.kinds` it is one of."""
    seconds: float
    beside: int = 0
    """Other targets that were loaded at the same time; memory is known of the last of them alone."""
    memory_loaded: int | None = None
    """Bytes that all resident targets use together after its first request, before it is made to grow; None where
    nobody says, and beside others."""
    memory_used: int | None
    """The same once it has served the largest batch that the load can form."""
    memory_kept: int | None = None
    """Bytes of ``memory_used`` that they have taken since they were loaded; None without GPUs."""
    host_memory_used: int | None = None
    """Bytes of the host's memory that they use by then; the same as ``memory_used`` where there is no GPU."""


class GpuCapacity(Record):
    """One GPU of a full endpoint."""

    gpu: int
    name: str
    fits: int
    """Targets that had memory of it."""
    used: int
    """Bytes that they had."""
    budget: int | None


_FEW = 5
"""Kinds of models that a sentence names."""


class KindCapacity(Record):
    """How many targets of one kind of a fleet were in memory, beside those of the others."""

    name: str
    fits: int
    bytes_per_copy: float | None = None
    """Mean of what each copy but its first added, as large as the load can make it. Of a single copy it is what
    that added, with what further ones would share; None where nobody says, or there was none."""
    bytes_per_copy_bounds: tuple[float, float] | None = None
    """Of its 95 % confidence interval; None with fewer than four copies."""
    bytes_shared: float | None = None
    """What its first copy added beyond that: what all copies share; 0 of a single one, None where
    ``bytes_per_copy`` is."""


class Capacity(Record):
    """How many targets were in memory together before the first eviction."""

    fits: int
    limited_by: Literal["eviction", "refused", "threshold", "limit"]
    """With ``limit`` the endpoint holds at least ``fits``; nobody tried more."""
    bytes_per_copy: float | None
    """Slope of memory over copies, as large as the load can make them; None with fewer than two loads."""
    bytes_per_copy_bounds: tuple[float, float] | None = None
    """Of its 95 % confidence interval; None with fewer than four loads."""
    bytes_per_copy_before_growth: float | None = None
    """The same after a single request."""
    kept_per_copy: float | None = None
    """Slope of what copies have taken of GPUs since they were loaded: frameworks keep it for later inferences."""
    host_bytes_per_copy: float | None = None
    """Slope of the host's memory, where ``bytes_per_copy`` is of GPUs; None where there is none."""
    by_growth: bool = False
    """Whether the driver does not say what processes take, so that memory is what that of the GPUs grew by."""
    gpus: tuple[GpuCapacity, ...] = ()
    """Each GPU when as many targets as fit were in memory; empty where they run on the CPU, or nobody says."""
    memory_budget: int | None
    kinds: tuple[KindCapacity, ...] = ()
    """Of a fleet: each kind, in the order of :attr:`Run.kinds`."""
    loads: tuple[FirstInvocation, ...]

    @property
    def cold_starts(self) -> tuple[FirstInvocation, ...]:
        """The loads that had the endpoint to themselves."""
        return tuple(load for load in self.loads if not load.beside)

    @property
    def found(self) -> str:
        """How many fit and what ended the search, in words."""
        of = f" ({self.by_kind})" if self.kinds else ""
        fit = f"{counted(self.fits, 'target')} fit{'s' if self.fits == 1 else ''}"
        if self.limited_by == "limit":
            return f"at least {fit}{of}; no more were asked for"
        return f"{fit}{of}, limited by {self.limited_by}"

    @property
    def by_kind(self) -> str:
        """How many of each kind, in words: ``11 photos, 3 reviews``; of many kinds the most frequent ones."""
        ranked = sorted(self.kinds, key=lambda kind: kind.fits, reverse=True)
        shown = ranked if len(ranked) <= _FEW + 1 else ranked[:_FEW]
        rest = ranked[len(shown) :]
        if rest and shown[0].fits <= 1:  # as of a folder, of which each archive is one target
            return f"one each of {self.fits} of {len(ranked)} models"
        more = [f"{sum(kind.fits for kind in rest)} of {len(rest)} other models"] if rest else []
        return ", ".join([*(f"{kind.fits} {kind.name}" for kind in shown), *more])

    @property
    def places(self) -> str:
        """Where they are, in words, if on several GPUs: ``4 on GPU 0, 4 on GPU 1``."""
        return ", ".join(f"{gpu.fits} on GPU {gpu.gpu}" for gpu in self.gpus) if len(self.gpus) > 1 else ""


class FailedAlike(Record):
    """Failed answers of a stage, warm-up included, that say the same."""

    error: str
    """What AWS or the client calls it."""
    status: int
    """0 where no answer came."""
    message: str
    """In the container's own words; numbers and archives, which differ from one to the next, as ``#``."""
    count: int
    body: str
    """The first one's body, or the beginning of it."""


class StageWindow(Record):
    """What a stage really was, in seconds since the load began.

    ``ready`` is when the last user had started and the warm-up was over: figures are taken from there to ``end``.
    """

    users: int
    """Users of a closed loop; in an open loop the connections that could be in use at once."""
    start: float
    ready: float
    end: float
    client_cpu: float | None = None
    """Share of a core that the busiest client process used within the window; 1 is all of it."""
    loop_lag_p99: float | None = None
    """How late the client's event loop ran its timers within the window, in seconds."""
    own_lag_p99: float | None = None
    """The same without the time for which the client waited for a core of its machine."""
    machine_cpu: float | None = None
    """Share of all cores of the client's machine that were in use within the window, by anybody."""
    machine_stolen: float | None = None
    """Share of them that the hypervisor gave to other machines while they were wanted here."""
    rate: float | None = None
    """Requests per second that an open loop was to start; None in a closed loop, and for a trace."""
    due: int | None = None
    """Requests that an open loop was to start within the window."""
    not_started: int | None = None
    """Of these, how many were never started, because until the stage was over no connection came free."""
    failures: tuple[FailedAlike, ...] = ()
    """What failed answers said."""
    note: str | None = None
    """What else is to be known: a client process that was lost, a probe of a search and how it went."""


class Price(Record):
    """What an instance costs, or an endpoint with all of its instances."""

    usd_per_hour: float
    source: str
    """Who says so, and when."""


class ModelKind(Record):
    """One kind of model of a fleet: a model on a platform, with targets of its own."""

    name: str
    """As the spec calls it."""
    model: str
    platform: str
    precision: str
    parameters: int | None
    requests: float
    """The share of all requests that is for it; those of a fleet add up to 1. A trace has its own, whatever this
    says."""
    targets: tuple[str, ...]
    """Those that the load asks for."""
    package: dict[str, Any]


class EndedEarly(Record):
    """A trial of a tuning whose further stages would not have made it the best."""

    reason: str
    """In words."""
    goal: str
    """What was to be best: of another one nothing is known."""


class EndpointTime(Record):
    """Seconds of an endpoint, by what they went to; of several runs on one the first has created and filled it."""

    create: float
    """Until it was up; ``fill``: until it had the targets that the load asks for."""
    fill: float
    load: float
    experiments: float
    delete: float
    """Until it was gone, after the last run on it."""


class Run(Record):
    """One run. What only the load can tell has the value it has before; ``complete`` is false if it broke."""

    version: Literal[1] = 1
    complete: bool = False
    ended_early: EndedEarly | None = None
    """Where nobody wanted the rest of it, which is not complete then."""
    digest: str
    """Of everything that asked for this run; a later start with the same digest need not measure again."""
    shared_digest: str = ""
    """The same but for which repeat it was: runs with the same are repeats of each other. Empty where a version of
    mmebench wrote it that repeated nothing."""
    model: str
    platform: str
    precision: str
    instance_type: str
    container: str
    parameters: int | None
    targets: int
    kinds: tuple[ModelKind, ...] = ()
    """Of a fleet: what it is made of, and ``model`` is its name, ``platform`` and ``precision`` are ``mix``. Empty
    where all targets are copies of one model."""
    changes: dict[str, Any] = {}
    """Of a variant: what was changed, by its place in the spec."""
    capacity: Capacity | None = None
    stages: tuple[StageWindow, ...] = ()
    loads_during_load: int | None = None
    evictions_during_load: int | None = None
    price: Price | None = None
    """None for an endpoint that nobody bills."""
    endpoint_seconds: float | None = None
    """How long the endpoint was there for this run, until it was deleted."""
    endpoint_time: EndpointTime | None = None
    """None of an endpoint that was there before, and of runs that an older version measured."""
    started_at: str
    finished_at: str
    spec: dict[str, Any]
    package: dict[str, Any]
    environment: dict[str, Any]

    @property
    def title(self) -> str:
        """Of its pictures: ``resnet50: onnx on ml.g5.xlarge``, of a fleet ``shop on ml.g5.xlarge``."""
        return f"{self.model if self.kinds else f'{self.model}: {self.platform}'} on {self.instance_type}"

    @property
    def called(self) -> str:
        """What it is called beside other runs of its benchmark: its platform, or the fleet's name."""
        return self.model if self.kinds else self.platform


def objectives_of(run: Run) -> Objectives:
    """What the run was to hold.

    Raises:
        BadInputError: its spec was of another version of mmebench.
    """
    try:
        return Objectives.model_validate(run.spec.get("objectives", {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["objectives", *map(str, first["loc"])])
        raise BadInputError(
            f"{run.model} as {run.platform} on {run.instance_type}, {run.targets} targets: {where} in its record "
            f"is not of this version of mmebench ({first['msg']}); measure it again, or use the version that did"
        ) from None


def read_run(path: Path) -> Run:
    """The record in ``path``; parsed once for as long as the file stays as it is, however often it is asked for.

    Raises:
        BadInputError: it cannot be read, or was written by another version of mmebench.
    """
    try:
        state = path.stat()
        return _parsed(path, (state.st_ino, state.st_mtime_ns, state.st_size))
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"{path}: not a run record of this version of mmebench ({where}: {first['msg']})"
        ) from None


@lru_cache(_KEPT)
def _parsed(path: Path, state: tuple[int, ...]) -> Run:
    """The record that is in ``path`` while the file has this state; it is frozen."""
    return Run.model_validate_json(path.read_bytes())


def find_run(files: RunFiles) -> Run | None:
    """The record of a run; None where there is none, or none that can be read: :func:`unread_records` says why."""
    try:
        return read_run(files.run) if files.run.exists() else None
    except BadInputError:
        return None


def unread_records(directory: Path) -> tuple[str, ...]:
    """Why records that are there cannot be read, a sentence each: cut off, or of another version."""
    reasons = []
    for files in find_runs(directory):
        if files.run.exists():
            try:
                read_run(files.run)
            except BadInputError as error:
                reasons.append(f"{error}; it counts as absent, and mmebench run measures it again")
    return tuple(reasons)


def write_run(run: Run, path: Path) -> None:
    """Write the record, so that :func:`read_run` gives it back."""
    write_whole(path, run.model_dump_json(indent=1))
