"""The lines at the bottom of a terminal: the whole, the step under way, what it does, and endpoints that come up.

Bar, stage and time are there at any width from 60 columns on; a name is shortened, and what is said of the step
has lines of its own.
"""

import threading
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text
from typing_extensions import override

_BESIDE_THE_NAME = 48
"""Columns that spinner, bar, place and time take."""


class Display:
    """May be told from several threads; shows nothing where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = _Lines(console)
        self.is_live = console.is_terminal or console.is_jupyter
        """Whether there is anything that can be drawn anew: a terminal, or the cell of a notebook."""
        self._whole: TaskID | None = None
        self._step: TaskID | None = None
        self._coming_up: dict[str, tuple[TaskID, str]] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Until :meth:`stop`."""
        if self.is_live:
            self._progress.start()

    def stop(self) -> None:
        """Leaves nothing behind."""
        if self.is_live:  # else it would leave an empty line
            self._progress.stop()

    def refresh(self) -> None:
        """Show at once what was told."""
        self._progress.refresh()

    def step(self, name: str, total: float | None) -> None:
        """Another step begins; without a total nobody knows how far it is."""
        if self._step is not None:
            self._progress.remove_task(self._step)
        self._step = self._progress.add_task(name, total=total, where="", now="")

    def expect(self, total: float) -> None:
        """The total is known now."""
        if self._step is not None:
            self._progress.update(self._step, total=total)

    def show(self, now: str, completed: float | None, where: str) -> None:
        """What the step does, how much of it is over, and that in a few words."""
        if self._step is not None:
            self._progress.update(self._step, now=now, completed=completed, where=where)

    def show_whole(self, name: str, share: float, left: str) -> None:
        """How far all of it is."""
        if self._whole is None:
            self._whole = self._progress.add_task(name, total=1.0, where="", now="")
        self._progress.update(self._whole, description=name, completed=share, where=left)

    def coming_up(self, what: str, message: str) -> bool:
        """An endpoint is being made; returns whether that is news."""
        with self._lock:
            task, before = self._coming_up.get(what, (None, None))
            if task is None:
                task = self._progress.add_task(f"{what}: endpoint", total=None, where="", now="")
            self._coming_up[what] = task, message
        self._progress.update(task, now=f"{what}: {message}")
        return message != before

    def came_up(self, what: str) -> None:
        """It is there, or has failed."""
        with self._lock:
            task, _ = self._coming_up.pop(what, (None, None))
        if task is not None:
            self._progress.remove_task(task)


class _Lines(Progress):
    """Rows for tasks, then what each of them does, in as many lines as it takes."""

    def __init__(self, console: Console) -> None:
        name = Column(no_wrap=True, overflow="ellipsis", max_width=max(console.width - _BESIDE_THE_NAME, 12))
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=name, markup=False),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[where]}", table_column=Column(no_wrap=True), markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )

    @override
    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            if task.fields["now"]:
                yield Padding(Text(task.fields["now"], style="dim"), (0, 0, 0, 2))
