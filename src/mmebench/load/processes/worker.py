"""The worker: the part of a load that sends requests. There is one in each client process."""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace

import gevent
import numpy as np
from locust.exception import RPCError
from locust.runners import Runner

from mmebench.load.client.caller import Caller
from mmebench.load.client.client import LoadClient, parse_address
from mmebench.load.client.credentials import find_credentials
from mmebench.load.client.meter import Meter
from mmebench.load.client.pace import ClosedPace, OpenPace
from mmebench.load.client.recorder import Recorder
from mmebench.load.client.requests import SignedRequests
from mmebench.load.job import LoadJob, RequestContent
from mmebench.load.messages import BeginStage, Drain, EndStage, Samples, StageReport, Taken
from mmebench.load.schedule.keys import pick_keys
from mmebench.load.schedule.schedule import due_times, own_trace
from mmebench.spec import ClosedLoop, Trace


class Worker:
    """Callers, what they record, and what is said to the conductor."""

    def __init__(self, job: LoadJob, content: RequestContent, runner: Runner) -> None:
        self._job = job
        self._content = content
        self._runner = runner
        self._recorder = Recorder()
        self._meter = Meter()
        closed = isinstance(job.workload.arrivals, ClosedLoop)
        self._pace: ClosedPace | OpenPace = ClosedPace() if closed else OpenPace()
        requests = SignedRequests(
            job.url,
            job.region,
            job.workload.headers,
            job.addresses,
            content.bodies,
            find_credentials(job.url, job.profile),
        )
        self._client = LoadClient(
            parse_address(job.url, job.ca), requests, self._recorder, self._pace, job.workload.timeout
        )
        self.clock_ahead_ns = 0
        """How far the conductor's clock is ahead of ours."""
        self._untaken: deque[Samples] = deque()
        self._sent = 0
        self._begun_ns = -1

    def add_caller(self) -> Caller:
        """For a new user of Locust's."""
        return self._client.add_caller()

    def remove_caller(self, caller: Caller) -> None:
        """For a user who goes; waits for the answer under way."""
        self._client.remove_caller(caller)

    def every_second(self) -> None:
        """Housekeeping, and a batch of samples."""
        self._client.every_second()
        self._meter.note_cpu()
        self.send()

    def send(self, report: StageReport | None = None, drained: bool = False) -> None:
        """Send what was recorded; it is kept until the conductor has it."""
        rows = self._recorder.take()
        if self.clock_ahead_ns:
            rows = rows.copy()
            for column in ("intended_ns", "start_ns", "end_ns"):
                rows[column] += self.clock_ahead_ns
            rows["first_byte_ns"] += np.where(rows["first_byte_ns"] == 0, 0, self.clock_ahead_ns)
        told = asdict(report) if report else None
        complaints = [failed.model_dump() for failed in self._recorder.complaints.take()]
        samples = Samples(rows.tobytes(), self._recorder.errors, told, drained, complaints, self._sent)
        self._sent += 1
        self._untaken.append(samples)
        self._send(samples)

    def send_again(self) -> None:
        """Send what the conductor may not have; for when a lost link is there again."""
        for samples in list(self._untaken):
            self._send(samples)

    def _send(self, samples: Samples) -> None:
        with suppress(RPCError):  # Locust connects again by itself, and gives up where it cannot
            self._runner.send_message(Samples.name, samples.data())

    def forget(self, taken: Taken) -> None:
        """The conductor has these."""
        while self._untaken and self._untaken[0].number <= taken.number:
            self._untaken.popleft()

    def begin_stage(self, order: BeginStage) -> None:
        """Take this worker's share of a stage, if it has not yet."""
        if order.start_ns == self._begun_ns:
            return
        self._begun_ns = order.start_ns
        order = replace(order, start_ns=order.start_ns - self.clock_ahead_ns)
        arrivals = self._job.workload.arrivals
        if isinstance(self._pace, ClosedPace):
            assert isinstance(arrivals, ClosedLoop)
            self._pace.begin(self._keys(replace(order, stage=0)), arrivals.think_times(order.worker))
        else:
            self._pace.begin(self._schedule(order))

    def _schedule(self, order: BeginStage) -> Iterator[tuple[int, int]]:
        """When which request is due."""
        job, content = self._job, self._content
        if isinstance(job.workload.arrivals, Trace):
            keys = iter([key for _, key in own_trace(content.trace, order)])
        else:
            keys = self._keys(order)
        for times in due_times(job.workload, content.trace, order):
            yield from zip(times.tolist(), keys, strict=False)

    def _keys(self, order: BeginStage) -> Iterator[int]:
        """Of this worker's share of a stage."""
        job, content = self._job, self._content
        share = order.worker, order.workers, order.stage
        return pick_keys(job.kinds, content.pools, len(content.bodies), job.workload.seed, *share)

    def end_stage(self, order: EndStage) -> None:
        """Report on a stage that is over."""
        ready_ns, end_ns = order.ready_ns - self.clock_ahead_ns, order.end_ns - self.clock_ahead_ns
        load = self._meter.read(ready_ns, end_ns)
        self._meter.forget()
        self.send(
            StageReport(
                stage=order.stage,
                **load._asdict(),
                not_started=self._pace.end(ready_ns, end_ns) if isinstance(self._pace, OpenPace) else None,
            )
        )

    def drain(self, order: Drain) -> None:
        """Let what is under way come to its end, and send what was recorded."""
        with gevent.Timeout(order.seconds, False):
            self._client.drain()
        self.send(drained=True)
