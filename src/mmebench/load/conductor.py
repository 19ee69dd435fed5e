"""The conductor: leads the workers from stage to stage and gathers what they send. There is one in each load."""

from collections.abc import Callable
from time import monotonic_ns

import gevent
import numpy as np
from locust.runners import MasterRunner, Runner

from mmebench.errors import MmebenchError
from mmebench.load.events import EventWriter, live
from mmebench.load.job import LoadJob
from mmebench.load.messages import BeginStage, Clock, Drain, EndStage, Samples, StageReport
from mmebench.load.plan import Verdict, judge, make_plan
from mmebench.load.recorder import ROW, Rows
from mmebench.load.sample_stream import SampleStream
from mmebench.load.stationarity import is_stationary
from mmebench.load.statistics import fold
from mmebench.results.run import StageWindow
from mmebench.spec import Stage

_READY_SECONDS = 60.0
_REPORT_SECONDS = 5.0
_STOPPED_SECONDS = 5.0
"""Whoever stops a load wants it to end; answers that take longer than this are not waited for."""


class Conductor:
    """Is asked by Locust's shape once a second how many users there should be."""

    def __init__(self, job: LoadJob, runner: Runner, stream: SampleStream, events: EventWriter) -> None:
        self._job = job
        self._runner = runner
        self._stream = stream
        self._events = events
        self._since_live: list[Rows] = []
        self._ready: set[str] = set()
        self._rewind()

    def _rewind(self) -> None:
        """Before the first stage."""
        self._plan = make_plan(self._job.workload, self._job.objectives)
        self._index = -1
        self._stage: Stage | None = None
        self._start_ns = 0
        self._spawned_ns: int | None = None
        self._users = 0
        self._trace_from = 0.0
        self._workers: list[str] = []
        self._lost: dict[str, str] = {}
        self._reports: dict[str, StageReport] = {}
        self._drained: set[str] = set()
        self._of_stage: list[Rows] = []

    # What Locust tells.

    def tick(self) -> tuple[int, float] | None:
        """The users there should be, and how many may start in a second; None when the last stage is over.

        Locust asks once a second, so that a stage may run up to a second longer than it counts.
        """
        if self._stage is None:
            self._await_workers()
            self._begin(next(self._plan))
        elif (end_ns := self._end_ns(self._stage)) is not None:
            met = self._finish(self._stage, end_ns)
            try:
                self._begin(self._plan.send(met))
            except StopIteration:
                self._drain(self._job.workload.timeout + 5)
                self._events.over()
                return None
        # A lost worker's users are started elsewhere only when Locust is asked for something new.
        return self._users, self._users + len(self._lost) / 1000

    def all_started(self, user_count: int) -> None:
        """Locust has started all users that were asked for."""
        if self._spawned_ns is None and user_count == self._users:
            self._spawned_ns = monotonic_ns()

    def every_second(self) -> None:
        """Tell what the last second was like."""
        if self._stage is None:
            return
        self._look_for_lost()
        rows = np.concatenate([np.empty(0, ROW), *self._since_live])
        self._since_live.clear()
        elapsed = (monotonic_ns() - self._start_ns) / 1e9
        self._events.live(live(rows, self._index, elapsed, self._runner.user_count))

    def stop(self) -> None:
        """The load is over, or somebody stopped it; another may be started by hand."""
        if self._stage is not None and not self._drained:
            self._drain(_STOPPED_SECONDS)
        self.every_second()
        self._rewind()

    # What workers tell.

    def worker_is_ready(self, node: str) -> None:
        """A worker knows its clock."""
        self._ready.add(node)

    def tell_clock(self, node: str, question: Clock) -> None:
        """A worker asks for the time."""
        self._runner.send_message(Clock.name, Clock(question.asked_ns, monotonic_ns()).data(), node)

    def take(self, node: str, samples: Samples) -> None:
        """A worker sends what it recorded."""
        rows = np.frombuffer(samples.rows, ROW)
        self._stream.write(rows, samples.errors)
        fold(rows, lambda code: samples.errors[code - 1], self._runner.environment.stats)
        self._since_live.append(rows)
        if self._watches:
            self._of_stage.append(rows)
        if samples.report is not None:
            report = StageReport(**samples.report)
            if report.stage == self._index:
                self._reports[node] = report
        if samples.drained:
            self._drained.add(node)

    # Stages.

    @property
    def _watches(self) -> bool:
        """Whether the load itself depends on its figures."""
        profile = self._job.workload.profile
        return profile.search is not None or profile.stationary is not None

    def _seconds(self, at_ns: int) -> float:
        return (at_ns - self._stream.origin_ns) / 1e9

    def _begin(self, stage: Stage) -> None:
        """Give each worker its share."""
        now = monotonic_ns()
        self._spawned_ns = now if stage.concurrency == self._users and not self._lost else None
        self._stage, self._index, self._users, self._start_ns = stage, self._index + 1, stage.concurrency, now
        self._workers, self._lost, self._reports, self._of_stage = self._alive(), {}, {}, []
        for number, node in enumerate(self._workers):
            order = BeginStage(
                stage=self._index,
                start_ns=now,
                rate=stage.rate,
                seconds=self._longest(stage),
                trace_from=self._trace_from,
                worker=number,
                workers=len(self._workers),
            )
            self._runner.send_message(order.name, order.data(), node)

    def _longest(self, stage: Stage) -> float:
        stationary = self._job.workload.profile.stationary
        return stage.duration if stationary is None else stationary.limit or 3 * stage.duration

    def _ready_ns(self, stage: Stage, end_ns: int) -> int:
        """From where figures count."""
        spawned = end_ns if self._spawned_ns is None else self._spawned_ns
        return min(end_ns, max(self._start_ns + int(stage.warmup_seconds * 1e9), spawned))

    def _end_ns(self, stage: Stage) -> int | None:
        """When the stage was over; None while it is not."""
        now, longest_ns = monotonic_ns(), self._start_ns + int(self._longest(stage) * 1e9)
        stationary = self._job.workload.profile.stationary
        if now >= longest_ns:
            return longest_ns
        if stationary is None or self._spawned_ns is None:
            return None
        good = self._successes()
        ready_ns = self._ready_ns(stage, now)
        # Answers of the last second may not have been sent to us yet.
        now -= 1_000_000_000
        latency = good["end_ns"] - good["intended_ns"]
        return now if is_stationary(good["end_ns"], latency, ready_ns, now, stationary) else None

    def _successes(self) -> Rows:
        rows = self._stage_rows()
        good: Rows = rows[rows["error"] == 0]
        return good

    def _stage_rows(self) -> Rows:
        return np.concatenate([np.empty(0, ROW), *self._of_stage])

    def _finish(self, stage: Stage, end_ns: int) -> bool:
        """Report the stage; whether it met the objectives, where a search wants to know."""
        ready_ns = self._ready_ns(stage, end_ns)
        order = EndStage(self._index, ready_ns, end_ns)
        self._runner.send_message(order.name, order.data())
        self._wait(lambda: self._reports.keys() >= set(self._alive()) & set(self._workers), _REPORT_SECONDS)
        self._look_for_lost()
        reports = self._reports.values()
        not_started = [report.not_started for report in reports if report.not_started is not None]
        due = [report.due for report in reports if report.due is not None]
        lags = [report.lag_p99 for report in reports if report.lag_p99 is not None]
        verdict = self._judge(ready_ns, end_ns, sum(not_started))
        notes = [*self._lost.values(), *([verdict.note] if verdict else [])]
        self._events.stage(
            StageWindow(
                users=self._users,
                start=self._seconds(self._start_ns),
                ready=self._seconds(ready_ns),
                end=self._seconds(end_ns),
                client_cpu=max((report.cpu for report in reports), default=None),
                loop_lag_p99=max(lags, default=None),
                rate=stage.rate,
                due=sum(due) if due else None,
                not_started=sum(not_started) if not_started else None,
                note="; ".join(notes) or None,
            )
        )
        self._trace_from += (end_ns - self._start_ns) / 1e9
        return verdict is not None and verdict.met

    def _judge(self, ready_ns: int, end_ns: int, not_started: int) -> Verdict | None:
        if self._job.workload.profile.search is None:
            return None
        rows = self._stage_rows()
        rows = rows[(rows["end_ns"] >= ready_ns) & (rows["end_ns"] < end_ns)]
        good = rows[rows["error"] == 0]
        failures = len(rows) - len(good)
        return judge(good["end_ns"] - good["intended_ns"], failures, not_started, self._job.objectives)

    # Workers.

    def _alive(self) -> list[str]:
        """The workers that can be reached, in the order of their names."""
        if not isinstance(self._runner, MasterRunner):
            return ["local"]
        clients = self._runner.clients
        return sorted(client.id for client in [*clients.ready, *clients.spawning, *clients.running])

    def _look_for_lost(self) -> None:
        """Note which workers of this stage are gone."""
        alive = self._alive()
        for number, node in enumerate(self._workers, start=1):
            if node not in alive:
                self._lost[node] = (
                    f"client process {number} of {len(self._workers)} was lost; what it had sent is kept"
                )

    def _await_workers(self) -> None:
        """Wait until each worker knows its clock."""
        if isinstance(self._runner, MasterRunner) and not self._wait(
            lambda: bool(self._alive()) and self._ready >= set(self._alive()), _READY_SECONDS
        ):
            raise MmebenchError(f"not all client processes were ready after {_READY_SECONDS:g} s")

    def _drain(self, seconds: float) -> None:
        """Let the requests under way come to their end, and their samples to us."""
        self._runner.send_message(Drain.name, Drain().data())
        self._wait(lambda: self._drained >= set(self._alive()), seconds)

    @staticmethod
    def _wait(condition: Callable[[], bool], seconds: float) -> bool:
        deadline = monotonic_ns() + int(seconds * 1e9)
        while not condition():
            if monotonic_ns() > deadline:
                return False
            gevent.sleep(0.02)
        return True
