"""How far a benchmark is, and how long it will still take."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mmebench.spec.workload import Workload
from mmebench.units import human_seconds


def load_seconds(workload: Workload) -> float | None:
    """How long the load of one run goes on; None for a search, which ends when it has found."""
    return sum(stage.duration for stage in workload.stages) or None


def mean_load_seconds(workloads: Sequence[Workload]) -> float | None:
    """The same of several runs, on average; None where one of them is a search."""
    known = [seconds for workload in workloads if (seconds := load_seconds(workload)) is not None]
    return sum(known) / len(known) if known and len(known) == len(workloads) else None


_ENOUGH = 0.05
"""Of an experiment must be over before it tells how long the rest takes."""


@dataclass
class TimeLeft:
    """What is known at any time; all times are seconds of one clock."""

    parts: int
    """Runs that are to be measured."""
    load: float | None
    """How long the load of each goes on."""
    began: float
    over: int = 0
    """Runs that are there."""
    _took: list[float] = field(default_factory=list)
    _part_began: float | None = None
    _load_done: float = 0.0
    _experiment_began: float = 0.0
    _experiment_left: float = 0.0

    def measured(self, now: float) -> None:
        """A run is complete."""
        self._took.append(now - (self.began if self._part_began is None else self._part_began))
        self._next(now)

    def kept(self, now: float) -> None:
        """A run was there before, which took no time."""
        self._next(now)

    def _next(self, now: float) -> None:
        self.over = min(self.over + 1, self.parts)
        self._part_began, self._load_done, self._experiment_left = now, 0.0, 0.0

    def load_is_at(self, seconds: float) -> None:
        """So much of the load of the run under way is over."""
        self._load_done = seconds

    def experiment_begins(self, now: float) -> None:
        """After the load of the run under way."""
        self._experiment_began, self._experiment_left = now, 0.0

    def experiment_is_at(self, share: float, now: float) -> None:
        """The rest of it takes as long as this share did."""
        spent = now - self._experiment_began
        self._experiment_left = spent * (1 - share) / share if share > _ENOUGH else 0.0

    def left(self, now: float) -> float | None:
        """Seconds: at least those of loads yet to come; once a run is measured, for each as many as that took."""
        left = self.parts - self.over
        if not left:
            return 0.0
        loads = None
        if self.load is not None:
            loads = max(self.load - self._load_done, 0.0) + self._experiment_left + self.load * (left - 1)
        if not self._took:
            return loads
        each = sum(self._took) / len(self._took)
        spent = now - (self.began if self._part_began is None else self._part_began)
        return max(each - spent, 0.0 if self.load is None else self.load - self._load_done, 0.0) + each * (
            left - 1
        )

    def share(self, now: float) -> float:
        """Of the whole time, from 0 to 1."""
        left, spent = self.left(now), now - self.began
        if left is None:
            return self.over / self.parts
        return spent / (spent + left) if spent + left > 0 else 0.0

    def describe(self, now: float) -> str:
        """``about 4 min left``; ``at least`` as long as nothing says how long all but the load takes."""
        left = self.left(now)
        if left is None:
            return "as long as the search takes"
        return f"{'about' if self._took else 'at least'} {_roughly(left)} left"


def _roughly(seconds: float) -> str:
    """In whole minutes where there are several."""
    return human_seconds(max(round(seconds), 1)) if seconds < 100 else f"{round(seconds / 60)} min"
