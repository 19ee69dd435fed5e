"""A test that fails while the machine has no core to spare is run again, twice at most: it judged the machine.

A process that is frozen for a second looks like a client that sends late. Where there was time to spare, the first
failure counts; where there never was any, nothing was judged, and the test is told as skipped.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import psutil
import pytest

_RERUNS = 2
_SPARE = 0.45
"""Of all cores' time; these tests leave more than half of it idle by themselves."""


class Shortage:
    """Whether the cores were taken, nearly all the time since :meth:`watch`."""

    def watch(self) -> None:
        self._idle, self._all = _cpu_seconds()

    def __call__(self) -> bool:
        idle, everything = _cpu_seconds()
        return idle - self._idle < _SPARE * (everything - self._all)


def _cpu_seconds() -> tuple[float, float]:
    times = psutil.cpu_times()
    return times.idle, sum(times)


_SHORTAGE = pytest.StashKey[Shortage]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.stash[_SHORTAGE] = shortage = Shortage()
            item.add_marker(pytest.mark.flaky(reruns=_RERUNS, condition=shortage))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[_SHORTAGE].watch()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    last = getattr(item, "execution_count", 1) > _RERUNS
    if report.failed and call.when == "call" and last and item.stash[_SHORTAGE]():
        path, line, _ = item.location
        report.outcome = "skipped"
        report.longrepr = (
            path,
            (line or 0) + 1,
            f"no core to spare at any of {_RERUNS + 1} tries: {call.excinfo}",
        )
    return report
