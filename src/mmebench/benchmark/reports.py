"""Reports while a benchmark goes on: each run's as soon as it is measured, pictures of all runs at the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmebench.errors import MmebenchError
from mmebench.report.report import Report, write_report, write_report_so_far
from mmebench.spec import Objectives

_SHARE = 0.1
"""Of the time of a benchmark that reports may take while it goes on."""


class Reports:
    """Of the directories in which a benchmark has measured something.

    The pictures that have all runs in them would be drawn anew after each run, on the machine that measures. As a
    report tells of all runs that there are, those of very many would take longer than what they tell of.
    """

    def __init__(self, objectives: Objectives) -> None:
        """Runs are held against ``objectives``."""
        self._objectives = objectives
        self._changed: dict[Path, None] = {}
        self._undrawn: dict[Path, None] = {}
        self._due = 0.0
        """When the next one may be written, by ``time.monotonic``."""
        self.drawn: dict[Path, Report] = {}
        """By directory, once :meth:`draw` is through."""

    def changed(self, directory: Path) -> None:
        """There is more in a directory, or more is known of what is in it."""
        self._changed[directory] = None

    def write(self) -> None:
        """What there is to see until now: all but the pictures that have all runs in them.

        Nothing where the last one took long a little while ago: reports take a tenth of the time at most.
        """
        began = time.monotonic()
        if began < self._due:
            return
        for directory in self._changed:
            write_report_so_far(directory, self._objectives)
        self._undrawn |= self._changed
        self._changed.clear()
        ended = time.monotonic()
        self._due = ended + (ended - began) / _SHARE

    def draw(self) -> None:
        """All of it."""
        for directory in {**self._undrawn, **self._changed}:
            self.drawn[directory] = write_report(directory, self._objectives)


@contextmanager
def drawn_at_the_end(objectives: Objectives) -> Iterator[Reports]:
    """Reports that are whole however it ends; where it fails, that weighs more than what cannot be drawn."""
    reports = Reports(objectives)
    try:
        yield reports
    except BaseException:
        with suppress(OSError, MmebenchError):
            reports.draw()
        raise
    reports.draw()
