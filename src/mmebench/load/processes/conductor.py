"""The conductor: leads the workers from stage to stage and gathers what they send. There is one in each load."""

from dataclasses import replace
from time import monotonic_ns

from locust.runners import Runner

from mmebench.errors import MmebenchError
from mmebench.load.client.recorder import Rows
from mmebench.load.job import LoadJob
from mmebench.load.messages import BeginStage, Clock, Drain, EndStage, Samples, StageReport
from mmebench.load.processes.awaiting import STOPPED_SECONDS, awaited
from mmebench.load.processes.events import EventWriter, Gathering, Over, live
from mmebench.load.processes.inbox import Inbox
from mmebench.load.processes.roster import Roster
from mmebench.load.processes.running_stage import RunningStage
from mmebench.load.processes.sample_stream import SampleStream
from mmebench.load.schedule.auto import ProbeStage, ThoroughStage
from mmebench.load.schedule.plan import NOT_ASKED, Verdict, judge, look, make_plan
from mmebench.load.schedule.schedule import Traced, count_within, due_times
from mmebench.record.run import FailedAlike, StageWindow
from mmebench.spec import ClosedLoop, Stage

_READY_SECONDS = 60.0
_REPORT_SECONDS = 5.0
_LATE_SECONDS = 3.0
"""On a busy machine workers may say so much later that they have waited long enough."""
_RETURN_SECONDS = 60.0
"""A worker that is cut off from the conductor gives up after this time."""


class Conductor:
    """Is asked by Locust's shape once a second how many users there should be."""

    def __init__(
        self, job: LoadJob, trace: Traced, runner: Runner, stream: SampleStream, events: EventWriter
    ) -> None:
        self._job = job
        self._trace = trace
        self._open_loop = not isinstance(job.workload.arrivals, ClosedLoop)
        self._runner = runner
        self._stream = stream
        self._events = events
        self._inbox = Inbox(runner, stream)
        self._roster = Roster(runner)
        self._gathering = True
        self._rewind()

    def _rewind(self) -> None:
        """Before the first stage."""
        self._plan = make_plan(self._job.workload, self._job.objectives, self._job.shares)
        self._running: RunningStage | None = None
        self._lost = 0
        self._asked = (0, 0.0)
        self._told = (0, 0)
        """When it was told last what the load is like, and the newest of the answers that were told."""
        self._trace_from = 0.0
        self._drained: set[str] = set()

    # What Locust tells.

    def tick(self) -> tuple[int, float] | None:
        """The users there should be, and how many may start in a second; None when the last stage is over.

        Locust asks once a second, so that a stage may run up to a second longer than it counts.
        """
        if self._running is None:
            self._await_workers()
            self._tell_who_is_there()
            self._gathering = False
            self._begin(next(self._plan))
        elif (end_ns := self._end_ns(self._running)) is not None:
            verdict = self._finish(self._running, end_ns)
            try:
                self._begin(self._plan.send(verdict))
            except StopIteration:
                self._drain(self._longest_answer)
                self._events.over(Over(failures=self._running.complaints.take()))
                return None
        self._asked = self._wanted
        return self._asked

    def all_started(self, user_count: int) -> None:
        """Locust has started all users that were asked for."""
        if self._running and self._running.spawned_ns is None and user_count == self._asked[0]:
            self._running.spawned_ns = monotonic_ns()

    def every_second(self) -> None:
        """Tell what the last second was like."""
        if self._gathering:
            self._tell_who_is_there()
        if self._running is None:
            return
        self._look_for_lost(self._running)
        rows, now, running = self._inbox.latest(), monotonic_ns(), self._running
        elapsed, at, begun = (now - running.start_ns) / 1e9, self._seconds(now), self._stream.origin_ns / 1e9
        users = self._runner.user_count
        self._events.live(live(rows, self._took(rows, now), running.index, elapsed, at, begun, users))

    def _took(self, rows: Rows, now_ns: int) -> float:
        """The seconds these answers took; on a busy machine one looks late, and workers send two at once."""
        looked_ns, newest_ns = self._told
        self._told = now_ns, max(newest_ns, int(rows["end_ns"].max(initial=0)))
        return max(now_ns - looked_ns, self._told[1] - newest_ns) / 1e9

    def stop(self) -> None:
        """The load is over, or somebody stopped it; another may be started by hand."""
        if self._running is not None and not self._drained >= set(self._roster.alive()):
            self._drain(STOPPED_SECONDS)
        self.every_second()
        self._rewind()

    def worker_is_ready(self, node: str) -> None:
        """A worker knows its clock.

        One that comes while a stage runs has been given users of the others by Locust: those of a closed loop go
        on at once. Of an open loop it takes a share from the next stage on. One that comes back is told again.
        """
        self._roster.note_ready(node)
        if (running := self._running) is None:
            return
        if (order := running.orders.get(node)) is not None:
            self._runner.send_message(order.name, order.data(), node)
            return
        running.joined += 1
        if not self._open_loop:
            order = replace(next(iter(running.orders.values())), worker=len(running.orders))
            self._runner.send_message(order.name, order.data(), node)

    def tell_clock(self, node: str, question: Clock) -> None:
        """A worker asks for the time."""
        self._runner.send_message(Clock.name, Clock(question.asked_ns, monotonic_ns()).data(), node)

    def take(self, node: str, samples: Samples) -> None:
        """A worker sends what it recorded."""
        if (filed := self._inbox.take(node, samples)) is None:
            return
        rows, batch = filed
        if samples.drained:
            self._drained.add(node)
        if self._running is None:
            return
        for complaint in samples.complaints:
            self._running.complaints.add(FailedAlike(**complaint))
        if self._watches:
            self._running.keep(batch)
        if self._open_loop:
            self._running.note_due(node, rows)
        if samples.report is not None:
            report = StageReport(**samples.report)
            if report.stage == self._running.index:
                self._running.reports[node] = report

    # Stages.

    @property
    def _watches(self) -> bool:
        """Whether the load itself depends on its figures."""
        profile = self._job.workload.profile
        return profile.search is not None or profile.auto is not None or profile.stationary is not None

    @property
    def _longest_answer(self) -> float:
        """Seconds after which a request has ended, one way or the other, and its sample has come."""
        return self._job.workload.timeout + 5

    @property
    def _wanted(self) -> tuple[int, float]:
        """Users there should be, and how many may start in a second: all of them.

        A lost worker's users are started elsewhere only when Locust is asked for something new.
        """
        users = self._running.stage.concurrency if self._running else 0
        return users, users + self._lost / 1000

    def _seconds(self, at_ns: int) -> float:
        return (at_ns - self._stream.origin_ns) / 1e9

    def _begin(self, stage: Stage) -> None:
        """Give each worker its share."""
        now, before, nodes = monotonic_ns(), self._running, self._roster.alive()
        index = before.index + 1 if before else 0
        orders = {
            node: BeginStage(
                stage=index,
                start_ns=now,
                rate=stage.rate,
                seconds=self._longest(stage),
                trace_from=self._trace_from,
                worker=number,
                workers=len(nodes),
            )
            for number, node in enumerate(nodes)
        }
        self._running = RunningStage(stage, index, now, orders)
        if before is None:
            self._told = now, now
        if self._wanted == self._asked:  # all users are there already
            self._running.spawned_ns = now
        for node, order in orders.items():
            self._runner.send_message(order.name, order.data(), node)

    def _longest(self, stage: Stage) -> float:
        stationary = self._job.workload.profile.stationary
        return stage.duration if stationary is None else stationary.limit or 3 * stage.duration

    def _end_ns(self, running: RunningStage) -> int | None:
        """When the stage was over; None while it is not."""
        now, longest_ns = monotonic_ns(), running.start_ns + int(self._longest(running.stage) * 1e9)
        # Answers of the last second may not have been sent to us yet.
        until_ns, profile = now - 1_000_000_000, self._job.workload.profile
        if now >= longest_ns:
            until_ns = longest_ns
        elif running.spawned_ns is None:
            return None
        elif profile.auto is not None:
            if not running.is_enough(profile.auto, self._job.objectives, until_ns, self._stream.origin_ns):
                return None
        elif profile.stationary is None or not running.is_stationary(
            profile.stationary, now, until_ns, self._stream.origin_ns
        ):
            return None
        return None if self._goes_on(running, until_ns) else until_ns

    def _goes_on(self, running: RunningStage, end_ns: int) -> bool:
        """Whether a probe turns out to be of the load that is looked for; from now on it is a thorough stage."""
        asked, job = self._job.workload.profile.auto, self._job
        if asked is None or not isinstance(running.stage, ProbeStage) or running.spawned_ns is None:
            return False
        window = running.bare_window(running.ready_ns(end_ns), end_ns, self._stream.origin_ns)
        point = look(window, running.samples, asked, job.objectives, job.kinds).point
        if point is None or point.precise:
            return False
        longer = running.stage.longer(point, asked, job.objectives.limit_latency)
        if longer is None or running.start_ns + int(longer.duration * 1e9) <= end_ns:
            return False
        running.stage = longer
        return True

    def _finish(self, running: RunningStage, end_ns: int) -> Verdict:
        """Report the stage; how it stands to the objectives, where a search wants to know."""
        ready_ns = running.ready_ns(end_ns)
        order = EndStage(running.index, ready_ns, end_ns)
        self._runner.send_message(order.name, order.data())
        self._await_reports(running)
        self._look_for_lost(running)
        window = running.window(ready_ns, end_ns, self._stream.origin_ns)
        if self._open_loop:
            window = self._count_due(running, window, ready_ns, end_ns)
        notes = running.notes
        verdict, profile, job = NOT_ASKED, self._job.workload.profile, self._job
        if profile.search is not None:
            verdict = judge(window, running.samples, job.objectives, job.kinds)
        elif profile.auto is not None:
            thorough = isinstance(running.stage, ThoroughStage)
            verdict = look(window, running.samples, profile.auto, job.objectives, job.kinds, thorough)
        if verdict.note:
            notes.append(verdict.note)
        self._events.stage(window.model_copy(update={"note": "; ".join(notes) or None}))
        self._trace_from += (end_ns - running.start_ns) / 1e9
        return verdict

    def _count_due(self, running: RunningStage, window: StageWindow, ready_ns: int, end_ns: int) -> StageWindow:
        """With what was due within the window, and what of it was never started.

        What a worker was to start and has no answer for, and the worker was lost, counts as never started.
        """
        workload, within = self._job.workload, (ready_ns, end_ns)
        due = {
            node: count_within(due_times(workload, self._trace, order), *within)
            for node, order in running.orders.items()
        }
        missing = {node: report.not_started or 0 for node, report in running.reports.items()}
        if workload.profile.search is not None:  # a probe is judged by all its answers, however late they come
            awaited(
                lambda: all(
                    running.answered(node, *within) >= due[node] - missing[node]
                    for node in missing.keys() & set(self._roster.alive())
                ),
                self._longest_answer,
            )
        for node in due.keys() - missing.keys():
            missing[node] = due[node] - running.answered(node, *within)
        return window.model_copy(update={"due": sum(due.values()), "not_started": sum(missing.values())})

    # Workers.

    def _tell_who_is_there(self) -> None:
        if (workers := self._job.workload.workers) is not None:
            self._events.gathering(Gathering(wanted=workers.count, hosts=self._roster.by_host()))

    def _look_for_lost(self, running: RunningStage) -> None:
        """Note which workers of this stage are gone."""
        gone = running.orders.keys() - running.lost.keys() - set(self._roster.alive())
        rest = ", what it had not counts as never started" if self._open_loop else ""
        for node in gone:
            running.lose(node, "what it had sent is kept" + rest)
        self._lost += len(gone)

    def _await_workers(self) -> None:
        """Wait until each worker knows its task and its clock."""
        workers = self._job.workload.workers
        seconds = _READY_SECONDS if workers is None else workers.wait
        if not awaited(self._roster.are_ready, seconds):
            raise MmebenchError(f"not all client processes were ready after {seconds:g} s")

    def _await_reports(self, running: RunningStage) -> None:
        """Wait for what the workers say of the stage; longer for those that may come back with it."""
        awaited(
            lambda: running.reports.keys() >= set(self._roster.alive()) & running.orders.keys(), _REPORT_SECONDS
        )
        awaited(
            lambda: not any(map(self._roster.is_cut_off, running.orders.keys() - running.reports.keys())),
            _RETURN_SECONDS,
            every=1,
        )
        for node in running.lost.keys() & running.reports.keys():
            running.found(node)

    def _drain(self, seconds: float) -> None:
        """Let the requests under way come to their end, within so many seconds, and their samples to us."""
        self._runner.send_message(Drain.name, Drain(seconds).data())
        awaited(lambda: self._drained >= set(self._roster.alive()), seconds + _LATE_SECONDS)
