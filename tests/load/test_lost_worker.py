"""A client process that is killed while a load runs."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmebench.figures.stage import summarise_stage
from support.load_run import LoadRun, load_processes
from support.scripted_server import OK

pytestmark = pytest.mark.slow


def kill_a_worker() -> None:
    (conductor,) = load_processes()
    os.kill(conductor.children()[0].pid, signal.SIGKILL)


def run_and_kill(tmp_path: Path, at: int, workload: dict[str, Any], *stages: dict[str, Any]) -> LoadRun:
    """Two client processes, one of which is killed when the request of this number comes."""
    killer = threading.Thread(target=kill_a_worker)

    def script(number: int) -> tuple[float, bytes]:
        if number == at:
            killer.start()
        return (0.02, OK)

    run = LoadRun(tmp_path, script, {"processes": 2} | workload, *stages)
    killer.join()
    return run


def test_its_users_are_started_elsewhere_and_what_it_had_sent_is_kept(tmp_path: Path) -> None:
    run = run_and_kill(tmp_path, 1200, {}, {"users": 8, "duration": 10}, {"users": 8, "duration": 3})
    first, second = run.stages
    assert first.note in [f"client process {n} of 2 was lost; what it had sent is kept" for n in (1, 2)]
    assert second.note is None
    missing = len(run.server.requests) - run.count
    assert 0 <= missing < 400, "no more than the lost worker had done since its last batch"
    assert run.within(second).users == pytest.approx(8, rel=0.1), "its users are back"


@pytest.mark.parametrize("kind", ["constant", "poisson"])
def test_its_share_of_an_open_loop_is_counted_and_taken_over_in_the_next_stage(tmp_path: Path, kind: str) -> None:
    rate, seconds = 100, 8
    first, second = {"duration": seconds, "warmup": 1}, {"duration": 4, "warmup": 2}
    load = {"rate": rate, "users": 30}
    run = run_and_kill(tmp_path, 300, {"arrivals": {"kind": kind}}, load | first, load | second)
    broken, whole = run.stages
    intended = run.column("intended_ns")
    found = []
    for stage in run.stages:
        assert stage.due is not None
        assert stage.not_started is not None
        within = (intended >= round(stage.ready * 1e9)) & (intended < round(stage.end * 1e9))
        found.append(int(np.count_nonzero(within)))
        assert found[-1] + stage.not_started == stage.due, "every request that was due is accounted for"
        if kind == "constant":  # to the one at its edge; where users start late, figures count from then on
            assert stage.due == pytest.approx(rate * (stage.end - stage.ready), abs=1)
    # It was killed 3 s after the start of 8, or later by a busy machine; half of the rate was its own, and it has
    # sent what it had every second.
    assert 0 < (broken.not_started or 0) <= 5.5 * rate / 2 * 1.2
    assert broken.note in [
        f"client process {n} of 2 was lost; what it had sent is kept, what it had not counts as never started"
        for n in (1, 2)
    ]
    assert whole.note is None
    assert found[1] > 0.75 * (whole.due or 0), "the worker that is left offers all of it, or what it has time for"
    summary = summarise_stage(broken, run.samples)
    assert summary.offered == pytest.approx(rate, rel=0.01 if kind == "constant" else 0.15)
    assert summary.achieved == pytest.approx(found[0] / (broken.due or 1))
    assert summary.not_started == broken.not_started


def test_a_worker_lost_just_before_a_stage_ends(tmp_path: Path) -> None:
    load = {"rate": 100, "users": 30}
    first, second = {"duration": 5, "warmup": 1}, {"duration": 4, "warmup": 2}
    run = run_and_kill(tmp_path, 400, {"arrivals": {"kind": "constant"}}, load | first, load | second)
    broken, whole = run.stages
    assert "was lost" in (broken.note or "")
    assert broken.due == pytest.approx(100 * (broken.end - broken.ready), abs=1)
    intended = run.column("intended_ns")
    within = (intended >= round(broken.ready * 1e9)) & (intended < round(broken.end * 1e9))
    assert np.count_nonzero(within) + (broken.not_started or 0) == broken.due
    assert 0 < (broken.not_started or 0) <= 200, "of its half, what was still due and what it had not sent"
    assert whole.note is None
    assert (whole.due or 0) - (whole.not_started or 0) > 150, "the other one does it all"
