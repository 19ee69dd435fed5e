"""The Locust user and shape. Users, ramps, statistics, CSV files and the web UI are Locust's own.

``mmebench`` starts it as ``locust -f .../load/locustfile.py`` with the job file in ``MMEBENCH_JOB``. Once a
second, and at the end of each stage, it writes a JSON line to the file descriptor ``MMEBENCH_EVENTS``, where
that is set: ``{"live": …}`` as :class:`mmebench.load.events.Live`, ``{"stage": …}`` as
:class:`mmebench.results.run.StageWindow`.
"""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import gevent
from locust import FastHttpUser, LoadTestShape, constant, events, task
from locust.env import Environment

from mmebench.load.credentials import find_credentials
from mmebench.load.events import EventWriter, live
from mmebench.load.job import LoadJob
from mmebench.load.payload import make_body
from mmebench.load.popularity import pick_targets
from mmebench.load.recorder import Recorder
from mmebench.load.signer import Signer
from mmebench.results.run import StageWindow

JOB = LoadJob.model_validate_json(Path(os.environ["MMEBENCH_JOB"]).read_bytes())
BODY = make_body(JOB.inputs, JOB.workload.payload, JOB.max_batch_size)
BODY_SHA256 = hashlib.sha256(BODY.content).hexdigest()
SIGNER = Signer(find_credentials(JOB.url), JOB.region, urlsplit(JOB.url).netloc, JOB.path)
TARGETS = pick_targets(JOB.workload.popularity, JOB.targets)
RECORDER = Recorder(JOB.samples)
EVENTS = EventWriter(int(os.environ.get("MMEBENCH_EVENTS", "-1")))


class InvokeUser(FastHttpUser):
    """Invokes one target after another; each user has its own connection."""

    host = JOB.url
    wait_time = constant(JOB.workload.arrivals.think_time)
    insecure = False
    max_redirects = 0
    # SageMaker answers within 60 s; the client waits longer, so that the answer is the endpoint's, not ours.
    connection_timeout = network_timeout = 70.0

    @task
    def invoke(self) -> None:
        """One request: sign, send, read the whole answer, record."""
        target = next(TARGETS)
        headers = {"Content-Type": BODY.content_type, "X-Amzn-SageMaker-Target-Model": target}
        headers = SIGNER.sign(headers, BODY_SHA256, datetime.now(UTC))
        start = RECORDER.now()
        with self.client.post(
            JOB.path, data=cast(Any, BODY.content), headers=headers, name="InvokeEndpoint", catch_response=True
        ) as response:
            end = RECORDER.now()
            error = _error(response)
            if error is None:
                response.success()
            else:
                response.failure(error)
            RECORDER.add(
                start,
                end,
                target,
                response.status_code,
                error,
                _cold(response.headers or {}),
                len(BODY.content),
                len(response.content or b""),
            )


def _error(response: Any) -> str | None:
    """The error's name: what AWS calls it, or the client's exception where no answer came."""
    if response.status_code == 200:
        return None
    if response.status_code == 0:
        return type(response.error).__name__
    name = response.headers.get("x-amzn-errortype")
    return str(name).partition(":")[0] if name else f"HTTP {response.status_code}"


def _cold(headers: Any) -> bool | None:
    """Whether the target had to be loaded first; only mmebench's local endpoint says so."""
    residency = headers.get("x-mmebench-residency")
    return None if residency is None else residency == "cold"


class StageShape(LoadTestShape):
    """The stages of the profile, one after another; reports each when its time is over.

    Locust asks once a second, so that a stage may run up to a second longer than it counts.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stages = list(JOB.workload.profile.stages)
        self._index = -1
        self._start = 0.0
        self._spawned: float | None = None
        events.spawning_complete.add_listener(self._all_started)

    def _all_started(self, user_count: int, **_: Any) -> None:
        if user_count == self._stages[self._index].users and self._spawned is None:
            self._spawned = RECORDER.now() / 1e9

    def tick(self) -> tuple[int, float] | None:
        """The users there should be now; None when the last stage is over."""
        now = RECORDER.now() / 1e9
        if self._index < 0 or now >= self._start + self._stages[self._index].duration:
            if self._index >= 0:
                self._report()
            if self._index + 1 == len(self._stages):
                return None
            self._index, self._start, self._spawned = self._index + 1, now, None
        users = self._stages[self._index].users
        return users, float(users)

    def _report(self) -> None:
        stage = self._stages[self._index]
        end = self._start + stage.duration
        ready = max(self._start + stage.warmup_seconds, end if self._spawned is None else self._spawned)
        EVENTS.stage(StageWindow(users=stage.users, start=self._start, ready=ready, end=end))

    @property
    def position(self) -> tuple[int, float]:
        """The index of the stage that runs, and the seconds since it began."""
        return self._index, RECORDER.now() / 1e9 - self._start


@events.init.add_listener
def _start_reporting(environment: Environment, **_: Any) -> None:
    """Write samples and a live line once a second, and the rest when Locust quits."""
    runner = environment.runner
    assert runner is not None, "Locust creates the runner before it fires init"

    def report() -> None:
        while True:
            gevent.sleep(1)
            rows = RECORDER.flush()
            if isinstance(environment.shape_class, StageShape):
                stage, elapsed = environment.shape_class.position
                try:
                    EVENTS.live(live(rows, stage, elapsed, runner.user_count))
                except BrokenPipeError:  # whoever wanted the load is gone
                    runner.quit()

    reporter = gevent.spawn(report)

    def finish(**_: Any) -> None:
        reporter.kill()
        RECORDER.close()

    events.quit.add_listener(finish)
