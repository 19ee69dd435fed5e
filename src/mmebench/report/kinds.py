"""The kinds of models of a fleet as pictures show them: each with a colour, the least busy of many as one."""

from typing import Any, NamedTuple

import pandas as pd

from mmebench.figures.objectives import kind_rows
from mmebench.figures.rows import rows_of
from mmebench.record.run import Capacity
from mmebench.report.palette import COLOURS

_RATE, _SUCCESSES = "Requests/s", "Successful Requests"


class ShownKind(NamedTuple):
    """A kind of model, or several that share a colour."""

    number: int
    """From 0, the busiest first; its colour in every picture of the run."""
    name: str
    members: tuple[str, ...]
    """The kinds that it is."""
    stages: tuple[pd.DataFrame, ...]
    """Their rows in each stage of the run."""

    @property
    def single(self) -> bool:
        """Whether it is one kind: percentiles of several cannot be put together."""
        return len(self.members) == 1

    @property
    def rates(self) -> list[float]:
        """Successes a second, of each stage."""
        return [float(rows[_RATE].sum()) for rows in self.stages]

    def column(self, name: str) -> list[float]:
        """A figure of a single kind, of each stage."""
        return [float(rows[name].iloc[0]) for rows in self.stages]

    def share(self, stage: int, name: str) -> float:
        """What share it has in a stage, from 0 to 1; ``name`` is the column."""
        return float(self.stages[stage][name].sum())

    def memory(self, capacity: Capacity) -> tuple[float, float]:
        """Bytes that copies share, and bytes of the copies, when as many were in memory as fit."""
        own = [kind for kind in capacity.kinds if kind.name in self.members and kind.fits and kind.bytes_per_copy]
        return (
            sum(kind.bytes_shared or 0.0 for kind in own),
            sum(kind.fits * (kind.bytes_per_copy or 0.0) for kind in own),
        )


def show_kinds(stages: pd.DataFrame) -> list[ShownKind]:
    """Those of a run, whose rows of the summary these are; none where it is of one model."""
    kinds = [list(kind_rows(row).values()) for row in rows_of(stages)]
    if not kinds or not all(kinds):
        return []
    of_stages = [pd.DataFrame(rows) for rows in kinds]
    served: pd.Series[Any] = pd.concat(of_stages).groupby("model", sort=False)[_SUCCESSES].sum()
    names = [str(name) for name in served.sort_values(ascending=False, kind="stable").index]
    alone = names if len(names) <= len(COLOURS) else names[: len(COLOURS) - 1]
    groups: list[tuple[str, tuple[str, ...]]] = [(name, (name,)) for name in alone]
    if rest := tuple(names[len(alone) :]):
        groups.append((f"{len(rest)} others", rest))
    return [
        ShownKind(number, name, members, tuple(rows[rows["model"].isin(members)] for rows in of_stages))
        for number, (name, members) in enumerate(groups)
    ]
