"""``profile: auto`` as a load against a real server, whose knee is known."""

import threading
import time

import pytest

from mmebench.figures.stage import summarise_stage
from mmebench.spec import Objectives
from support.load_run import LoadRun
from support.scripted_server import OK, Step

pytestmark = pytest.mark.slow

SERVICE = 0.02


class TwoAtOnce:
    """Answers two requests at a time, in 20 ms each; others wait. The first second and a half are slow."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(2)
        self._began: float | None = None

    def __call__(self, number: int) -> tuple[Step, ...]:
        with self._free:
            self._began = self._began or time.monotonic()
            time.sleep(SERVICE * (4 if time.monotonic() - self._began < 1.5 else 1))
        return (OK,)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LoadRun:
    workload = {"profile": {"auto": {"longest": 10}}}
    return LoadRun(tmp_path_factory.mktemp("auto"), TwoAtOnce(), workload, objectives=Objectives(p99=0.15))


def test_it_goes_past_the_knee_and_past_the_limit_and_ends_by_itself(run: LoadRun) -> None:
    """At most twice as far as either: ten users wait 100 ms each, 15 are at the limit."""
    users = [stage.users for stage in run.stages]
    assert users[:3] == [1, 2, 4]
    assert max(users) <= 64
    rates = [run.within(stage).throughput for stage in run.stages]
    assert max(rates) <= 2 / SERVICE * 1.05, "two at once, 20 ms each"
    assert rates[0] <= 1 / SERVICE * 1.05
    assert all(stage.note is None for stage in run.stages), "there is nothing to be wary of"
    # As far as is asked (a tenth of the limit), or as an interval can tell: a busy machine has wide ones.
    figures = [summarise_stage(stage, run.samples) for stage in run.stages]
    at_limit = [each.users for each in figures if each.p99 >= 0.9 * 150 or each.intervals["p99"].high >= 150]
    assert at_limit
    assert min(at_limit) <= 32
    assert run.count == len(run.server.requests), "every sample is kept"


def test_stages_end_when_their_figures_are_steady_and_begin_to_count_then(run: LoadRun) -> None:
    """How soon, a busy machine says otherwise each time."""
    for stage in run.stages:
        assert stage.end - stage.start <= 10.5
        assert stage.start < stage.ready < stage.end
    first = run.stages[0]
    assert first.ready - first.start >= 1.4, "what was slow at first is left out"
