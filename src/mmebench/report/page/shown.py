"""The runs of a report as its page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from mmebench.figures.knee import find_knee
from mmebench.figures.operating_point import find_operating_point
from mmebench.figures.rows import rows_of
from mmebench.report.latency import known_latencies
from mmebench.report.operating_points import describe_load
from mmebench.report.recorded import Recorded
from mmebench.report.runs import RunKey, short_names, stages_by_run
from mmebench.spec import Objectives


class Chosen(NamedTuple):
    """The stage at which an engineer would have the endpoint work."""

    stage: "pd.Series[Any]"
    why: str
    """``within the objectives``, ``at the knee`` or ``at the largest load without a failure``."""


@dataclass(frozen=True)
class Shown:
    """One run: everywhere on the page it has the same colour and the same name."""

    number: int
    name: str
    """As short as tells it apart from the others."""
    recorded: Recorded
    stages: pd.DataFrame
    """Its rows of the summary by load, which column ``load`` has; empty where no stage got to its end."""
    chosen: Chosen | None
    """None where no stage is good enough, or none is known to be."""

    @property
    def key(self) -> RunKey:
        """Which run."""
        return self.recorded.key

    @cached_property
    def rows(self) -> list[dict[Any, Any]]:
        """The same stages, each as a dictionary: what is looked at cell by cell is there at once."""
        return rows_of(self.stages)

    @cached_property
    def loads(self) -> list[str]:
        """The load of each stage in words."""
        return [describe_load(row) for row in self.rows]

    @cached_property
    def latencies(self) -> dict[str, str]:
        """Which latencies are known of them, as :func:`mmebench.report.latency.known_latencies` has it."""
        return known_latencies(self.stages)

    @property
    def stage(self) -> "pd.Series[Any] | None":
        """The stage that is looked at more closely: the chosen one, else the last; None where there is none."""
        if self.chosen is not None:
            return self.chosen.stage
        return None if self.stages.empty else self.stages.sort_index().iloc[-1]

    @property
    def stage_number(self) -> int:
        """Which of the run's stages, in the order of time and from 1, :attr:`stage` is; 0 where there is none."""
        stage = self.stage
        return 0 if stage is None else 1 + sorted(self.stages.index).index(stage.name)

    @property
    def open_loop(self) -> bool:
        """Whether its load is a rate; else it is a number of users."""
        return bool(self.stages["offered_per_s"].notna().any())


def show(runs: Sequence[Recorded], summary: pd.DataFrame, objectives: Objectives) -> list[Shown]:
    """All of them in their order."""
    stages = dict(stages_by_run(summary))
    names = short_names([run.key for run in runs])
    nothing = summary.iloc[:0].assign(load=[])
    return [
        Shown(
            number,
            names[number],
            run,
            own := stages.get(run.key, nothing),
            None if own.empty else choose(own, objectives),
        )
        for number, run in enumerate(runs)
    ]


def choose(stages: pd.DataFrame, objectives: Objectives) -> Chosen | None:
    """The operating point of a run, and why it is that."""
    point = find_operating_point(stages, objectives)
    if point is None:
        return None
    if objectives.limit_latency:
        return Chosen(point, "within the objectives")
    knee = find_knee(stages)
    if knee is not None and knee.name == point.name:
        return Chosen(point, "at the knee")
    return Chosen(point, "within the objectives" if objectives.given else "at the largest load without a failure")
