"""The Locust user and shape. Users, ramps, statistics, CSV files and the web UI are Locust's own.

``mmebench`` starts it as ``locust -f .../load/locustfile.py`` with the job file in ``MMEBENCH_JOB``. Once a
second, and at the end of each stage, it writes a JSON line to the file descriptor ``MMEBENCH_EVENTS``, where
that is set: ``{"live": …}`` as :class:`mmebench.load.events.Live`, ``{"stage": …}`` as
:class:`mmebench.results.run.StageWindow`.
"""

import gc
import os
from pathlib import Path
from time import monotonic_ns
from typing import Any
from urllib.parse import urlsplit

import gevent
from locust import LoadTestShape, User, events, task
from locust.env import Environment
from locust.stats import CSV_STATS_INTERVAL_SEC

from mmebench.load.credentials import find_credentials
from mmebench.load.engine import Engine, RequestHeads
from mmebench.load.events import EventWriter, live
from mmebench.load.job import LoadJob
from mmebench.load.payload import make_body
from mmebench.load.popularity import pick_targets
from mmebench.load.recorder import Recorder
from mmebench.load.signer import Signer
from mmebench.load.statistics import fold
from mmebench.results.run import StageWindow

JOB = LoadJob.model_validate_json(Path(os.environ["MMEBENCH_JOB"]).read_bytes())
BODY = make_body(JOB.inputs, JOB.workload.payload, JOB.max_batch_size)
SIGNER = Signer(find_credentials(JOB.url), JOB.region, urlsplit(JOB.url).netloc, JOB.path)
RECORDER = Recorder(JOB.samples, JOB.targets)
ENGINE = Engine(
    JOB, BODY, RequestHeads(JOB, SIGNER, BODY), pick_targets(JOB.workload.popularity, JOB.targets), RECORDER
)
EVENTS = EventWriter(int(os.environ.get("MMEBENCH_EVENTS", "-1")))


def seconds() -> float:
    """Since the load began."""
    return (monotonic_ns() - RECORDER.origin_ns) / 1e9


class InvokeUser(User):
    """A user as Locust counts them; the engine's callbacks do the asking, this greenlet only lives as long."""

    def on_start(self) -> None:
        """Ask at once."""
        self._caller = ENGINE.add_user()

    @task
    def live(self) -> None:
        """Look up now and then whether Locust wants the user to stop."""
        gevent.sleep(0.5)

    def on_stop(self) -> None:
        """Leave with the answer under way."""
        ENGINE.remove_user(self._caller)


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
            self._spawned = seconds()

    def tick(self) -> tuple[int, float] | None:
        """The users there should be now; None when the last stage is over."""
        now = seconds()
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
        return self._index, seconds() - self._start


@events.init.add_listener
def _start_reporting(environment: Environment, **_: Any) -> None:
    """Write samples, statistics and a live line once a second, and the rest when Locust quits."""
    runner = environment.runner
    assert runner is not None, "Locust creates the runner before it fires init"

    def report_once() -> None:
        rows = RECORDER.flush()
        fold(rows, RECORDER.error_name, environment.stats)
        if isinstance(environment.shape_class, StageShape):
            stage, elapsed = environment.shape_class.position
            try:
                EVENTS.live(live(rows, stage, elapsed, runner.user_count))
            except BrokenPipeError:  # whoever wanted the load is gone
                runner.quit()

    def report() -> None:
        while True:
            gevent.sleep(1)
            report_once()

    reporter = gevent.spawn(report)

    def users_are_gone(**_: Any) -> None:
        report_once()
        # Locust writes its CSV files once a second and not at the end: let it see the last second too.
        gevent.sleep(CSV_STATS_INTERVAL_SEC + 0.1)

    def finish(**_: Any) -> None:
        reporter.kill()
        RECORDER.close()

    events.test_stop.add_listener(users_are_gone)
    events.quitting.add_listener(finish)
    # What is there now stays; a collection during the load would only cost latency.
    gc.collect()
    gc.freeze()
