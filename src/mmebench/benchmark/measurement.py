"""One load and its record: what was asked becomes what was measured, and nothing of it is lost on the way."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mmebench.endpoints.endpoint import Endpoint, Residency
from mmebench.errors import MmebenchError, disk_errors
from mmebench.load.client.complaints import Complaints
from mmebench.load.job import LoadJob
from mmebench.load.processes.events import Gathering, Live
from mmebench.load.processes.process import offer_load
from mmebench.record.layout import RunFiles
from mmebench.record.run import FailedAlike, Run, StageWindow, write_run
from mmebench.record.samples import keep_samples
from mmebench.record.sightings import Sighting, write_sightings
from mmebench.spec import Profile


def measure(
    asked: Run,
    job: LoadJob,
    files: RunFiles,
    look: Callable[[Live], object],
    on_gathering: Callable[[Gathering], object] = lambda gathering: None,
    on_stage: Callable[[Run], object] = lambda run: None,
) -> Run:
    """Offer the load; samples, Locust's files and the record are on disk afterwards, whatever happened.

    The record is there from the first moment on and grows with each stage that is over, so that even after a
    SIGKILL it tells what the samples on disk are of; see :func:`mmebench.record.recovery.recover`.

    Args:
        asked: the run as far as it is known before, without stages.
        job: what to ask of which endpoint; it has been checked.
        files: where results go; what an earlier run left there is set aside.
        look: called about once a second with what the load knows.
        on_gathering: called about once a second while the load waits for client processes of other hosts.
        on_stage: called with the record as it is on disk once a stage is over; what it raises ends the load.

    Returns:
        The run, as its record on disk says it: not complete before whoever asked for it says so.

    Raises:
        MmebenchError: the load broke, or the disk is full. Where it is too full for the samples as Parquet, they
            stay in the stream, and the next start keeps them.
    """
    run = asked.model_copy(update={"stages": ()})

    def note(stage: StageWindow) -> None:
        nonlocal run
        stages = with_stage(run.stages, stage, job.workload.profile)
        run = run.model_copy(update={"stages": stages, "finished_at": now()})
        write_run(run, files.run)
        on_stage(run)

    with disk_errors(files.directory):
        files.directory.mkdir(parents=True, exist_ok=True)
        files.set_aside()
        write_run(run, files.run)
        try:
            late = offer_load(job, files.prefix, files.directory / "load.log", look, note, on_gathering)
        except BaseException as broken:
            try:
                _keep(run, job, files)
            except MmebenchError:  # what broke comes first
                broken.add_note(f"{files.stream} keeps the samples until there is room; then run mmebench report")
            raise
        return _keep(_with_late(run, late), job, files)


def with_stage(stages: Sequence[StageWindow], stage: StageWindow, profile: Profile) -> tuple[StageWindow, ...]:
    """Those that count once another one is over: a load that ``auto`` measures again counts as it is then."""
    counting = [each for each in stages if profile.auto is None or each.users != stage.users]
    return (*counting, stage)


def _with_late(run: Run, late: tuple[FailedAlike, ...]) -> Run:
    """With what failed after the last stage, as of that stage: its requests were under way then."""
    if not (late and run.stages):
        return run
    *others, last = run.stages
    complaints = Complaints()
    for failed in (*last.failures, *late):
        complaints.add(failed)
    whole = last.model_copy(update={"failures": complaints.take()})
    return run.model_copy(update={"stages": (*others, whole)})


def _keep(run: Run, job: LoadJob, files: RunFiles) -> Run:
    """Write the record, and the samples as Parquet if there are any."""
    finished = run.model_copy(update={"finished_at": now()})
    with disk_errors(files.samples):
        write_run(finished, files.run)  # which is small
        if job.samples.exists():
            keep_samples(job.samples, files.samples)
    return finished


def complete(run: Run, files: RunFiles, endpoint_seconds: float | None = None) -> Run:
    """The record of a run of which all is on disk: samples, experiments, and how long its endpoint was there."""
    finished = run.model_copy(update={"complete": True, "endpoint_seconds": endpoint_seconds})
    write_run(finished, files.run)
    return finished


def measure_watching(
    endpoint: Endpoint,
    asked: Run,
    job: LoadJob,
    files: RunFiles,
    so_far: Callable[[], float | None],
    on_live: Callable[[Live], None],
    on_gathering: Callable[[Gathering], object] = lambda gathering: None,
    on_stage: Callable[[Run], object] = lambda run: None,
) -> Run:
    """The same on an endpoint that is asked what is in memory: the record tells how many targets came and went.

    ``files.sightings`` has what was there from second to second, and what was counted; nothing where nobody says.

    Args:
        endpoint: what the load is offered to.
        asked, job, files, on_gathering, on_stage: see :func:`measure`.
        so_far: what the benchmark has cost, in US dollars; None where nothing does.
        on_live: called about once a second with what the load, the endpoint and its price come to.
    """
    sightings: list[Sighting] = []

    def look(live: Live) -> None:
        seen = _sight(endpoint, live.at)
        sightings.extend(seen)
        resident = seen[-1].targets if seen else None
        on_live(live.model_copy(update={"resident": resident, "usd": so_far()}))

    before = endpoint.residency()
    try:
        run = measure(asked, job, files, look, on_gathering, on_stage)
    except BaseException:  # which says more than that the disk is full for this, too
        with suppress(OSError):
            write_sightings(sightings, files.sightings)
        raise
    write_sightings(sightings, files.sightings)
    after = endpoint.residency()
    if not isinstance(before, Residency) or not isinstance(after, Residency):
        return run
    changes = {
        "loads_during_load": after.loads - before.loads,
        "evictions_during_load": after.evictions - before.evictions,
    }
    return run.model_copy(update=changes)


def _sight(endpoint: Endpoint, at: float) -> tuple[Sighting, ...]:
    """One, or none where the endpoint does not say what is in memory."""
    residency, counted = endpoint.residency(), endpoint.counters()
    if not isinstance(residency, Residency):
        return ()
    sighting = Sighting(
        at=at,
        targets=len(residency.resident),
        memory_used=residency.memory_used,
        loads=residency.loads,
        evictions=residency.evictions,
        least_recently_used=residency.least_recently_used,
    )
    if counted is None:
        return (sighting,)
    targets = counted.targets.values()
    sighting = replace(
        sighting,
        invocations=counted.successes,
        model_latency_us=counted.model_latency_us,
        overhead_us=counted.overhead_latency_us,
        loading_us=counted.model_loading_wait_us,
        requests=sum(target.successes for target in targets),
        queue_us=sum(target.queue_us for target in targets),
        compute_us=sum(
            target.compute_input_us + target.compute_infer_us + target.compute_output_us for target in targets
        ),
    )
    return (sighting,)


def digest(asked: dict[str, Any]) -> str:
    """The same for the same content, whatever its order."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def now() -> str:
    """UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
