import io
from types import SimpleNamespace
from typing import Any, cast

from rich.console import Console

from mmebench.benchmark.progress import RunProgress
from mmebench.load.processes.events import Live
from mmebench.record.run import FirstInvocation
from support.load_run import make_job


def live(**more: Any) -> Live:
    known = {
        "stage": 1,
        "elapsed": 2,
        "at": 12,
        "users": 4,
        "successes": 50,
        "failures": 3,
        "seconds": 1,
        "p50": 20.4,
        "p99": 80.1,
    }
    return Live.model_validate(known | more)


def screen(usd: float | None, *seconds: Live) -> str:
    """What a terminal shows of a benchmark that has cost so much."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=200, color_system=None)
    endpoint = cast(
        Any, SimpleNamespace(url="http://endpoint", container="triton 1", instance_type="ml.g5.xlarge")
    )
    job = make_job(1, cast(Any, "samples"), {"profile": {"stages": [{"users": 4, "duration": 10}] * 2}})
    with RunProgress(console) as progress:
        progress.serving("onnx on ml.g5.xlarge", endpoint, lambda: usd)
        progress.loaded(
            FirstInvocation(target="m-v0.tar.gz", seconds=1.5, memory_loaded=1, memory_used=None), None
        )
        progress._progress.refresh()
        progress.offering(job)
        for second in seconds:
            progress.live(second)
            progress._progress.refresh()
    return written.getvalue()


def test_the_terminal_shows_stage_rate_latency_failures_targets_and_cost() -> None:
    shown = screen(0.416, live(resident=7))
    assert "m-v0.tar.gz loaded in 1.5 s; $0.42 so far" in shown
    assert (
        "stage 2 of 2, 4 users: 50 requests/s, p50 20.4 ms, p99 80.1 ms, 3 failed; "
        "7 targets in memory; $0.42 so far" in shown
    )


def test_a_second_that_took_two_is_shown_as_a_rate() -> None:
    """The terminal and the tab of the web UI, on a machine that is busy."""
    late = live(seconds=2.0, failures=6)
    assert "4 users: 25 requests/s" in screen(None, late)
    assert (late.successes_per_second, late.failures_per_second) == (25, 3)


def test_what_is_not_known_is_not_shown() -> None:
    shown = screen(None, live(p50=None, p99=None, failures=0))
    assert "stage 2 of 2, 4 users: 50 requests/s " in shown
    assert "so far" not in shown
    assert "in memory" not in shown
