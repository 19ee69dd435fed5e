import io
import re
from collections.abc import Callable
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from mmebench.benchmark.experiments.churn.fields import Churn
from mmebench.benchmark.progress import RunProgress
from mmebench.load.processes.events import Live
from mmebench.record.run import FirstInvocation
from support.load_run import make_job


def live(**more: Any) -> Live:
    known = {
        "stage": 1,
        "elapsed": 2,
        "at": 12,
        "begun": 1000,
        "users": 4,
        "successes": 50,
        "failures": 3,
        "seconds": 1,
        "p50": 20.4,
        "p99": 80.1,
    }
    return Live.model_validate(known | more)


def run(console: Console, usd: float | None, *seconds: Live, clock: Callable[[], float] = monotonic) -> str:
    """What is shown of a benchmark that has cost so much."""
    endpoint = cast(
        Any, SimpleNamespace(url="http://endpoint", container="triton 1", instance_type="ml.g5.xlarge")
    )
    job = make_job(1, cast(Any, "samples"), {"profile": {"stages": [{"users": 4, "duration": 10}] * 2}})
    with RunProgress(console, clock) as progress:
        progress.planned(2, 20)
        progress.serving("onnx on ml.g5.xlarge", endpoint, lambda: usd)
        progress.loaded(
            FirstInvocation(target="m-v0.tar.gz", seconds=1.5, memory_loaded=1, memory_used=None), None
        )
        progress._display.refresh()
        progress.offering(job)
        for second in seconds:
            progress.live(second)
            progress._display.refresh()
        progress.experimenting(Churn(kind="churn"))
        progress.experimented("40 loads and evictions", 0.2)
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


def screen(usd: float | None, *seconds: Live, width: int = 200) -> str:
    """In a terminal that is so wide."""
    console = Console(
        file=io.StringIO(), force_terminal=True, width=width, color_system=None, _environ={"TERM": "xterm"}
    )
    return run(console, usd, *seconds)


def test_the_terminal_shows_stage_rate_latency_failures_targets_and_cost() -> None:
    shown = screen(0.416, live(resident=7))
    assert "m-v0.tar.gz loaded in 1.5 s; $0.42 so far" in shown
    assert "stage 2 of 2" in shown
    assert "4 users: 50 requests/s, p50 20.4 ms, p99 80.1 ms, 3 failed; 7 targets in memory; $0.42 so far" in shown


@pytest.mark.parametrize("width", [80, 64])
def test_bar_stage_and_times_are_there_in_a_narrow_terminal(width: int) -> None:
    lines = screen(0.416, live(resident=7), width=width).replace("\r", "\n").splitlines()
    rows = [re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", line) for line in lines if re.search(r"\d:\d\d:\d\d", line)]
    assert max(map(len, rows)) <= width
    step = [line for line in lines if "stage 2 of 2" in line]
    assert all("━" in line and re.search(r"\d:\d\d:\d\d", line) for line in step)
    assert step
    whole = [line for line in lines if "run 1 of 2" in line]
    assert any("at least 28 s left" in line and re.search(r"\d:\d\d:\d\d", line) for line in whole)


def test_a_log_has_a_line_with_the_time_for_each_step_and_none_is_silent_for_long() -> None:
    at = iter(range(0, 10_000, 4))
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    log = run(console, None, *(live(elapsed=second) for second in range(1, 9)), clock=lambda: float(next(at)))
    lines = log.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d onnx on ml.g5.xlarge: ", line) for line in lines)
    said = [line.partition("xlarge: ")[2] for line in lines]
    assert said[1] == "fill"
    assert "load 3 targets" in said
    assert "churn" in said
    during = [line for line in said if line.startswith("load 3 targets: stage 2 of 2, 4 users: 50 requests/s")]
    assert 2 <= len(during) < 8, "some of the seconds, not each"
    assert "at least" in during[0]
    assert not re.search(r"[━⠋\x1b]", log)


def test_a_second_that_took_two_is_shown_as_a_rate() -> None:
    """The terminal and the tab of the web UI, on a machine that is busy."""
    late = live(seconds=2.0, failures=6)
    assert "4 users: 25 requests/s" in screen(None, late)
    assert (late.successes_per_second, late.failures_per_second) == (25, 3)


def test_what_is_not_known_is_not_shown() -> None:
    shown = screen(None, live(p50=None, p99=None, failures=0))
    assert "4 users: 50 requests/s   " in shown
    assert "p50" not in shown
    assert "so far" not in shown
    assert "in memory" not in shown
