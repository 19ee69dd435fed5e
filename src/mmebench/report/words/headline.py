"""The headline: which of several runs serves most, as far as their intervals show it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from mmebench.figures.metric import METRICS, estimate_of, relative_change
from mmebench.figures.statistics import Estimate
from mmebench.report.intervals import with_interval
from mmebench.report.words.objectives import is_missed
from mmebench.spec import Objectives


class Measured(NamedTuple):
    """A run with its operating point."""

    name: str
    """``onnx on ml.g5.xlarge``, with its targets where others would be called the same."""
    stages: pd.DataFrame
    best: "pd.Series[Any] | None"
    """None where no load was served well, or none is known to have been."""

    @property
    def models(self) -> int:
        """As many as fit; where nobody tried, as many as there were."""
        first = self.stages.iloc[0]
        capacity = first.get("capacity")
        return int(first["max_models_loaded"] if capacity is None or pd.isna(capacity) else capacity)


def find_headline(runs: Sequence[Measured], objectives: Objectives) -> str | None:
    """Which run serves most and by how much it is ahead, or between which no difference is shown.

    None where there is nothing to compare: one run, or none that served a load well.
    """
    served = [(run, _rate(run.best)) for run in runs if run.best is not None]
    if len(runs) < 2 or not served:
        return None
    if len(served) == 1:
        return _only(served[0][0], runs, objectives)
    (first, most), *others = sorted(served, key=lambda each: each[1].value, reverse=True)
    even = [(run, rate) for run, rate in others if not relative_change(rate, most).low > 0]
    if even:
        names = ", ".join(run.name for run in (first, *(run for run, _ in even[:-1])))
        rates = ", ".join(map(with_interval, (most, *(rate for _, rate in even))))
        models = " and ".join(str(run.models) for run in (first, *(run for run, _ in even)))
        return (
            f"Between {names} and {even[-1][0].name} no difference is shown: {rates} requests per second. "
            f"They fit {models} times."
        )
    second, next_rate = others[0]
    ahead = relative_change(next_rate, most)
    return (
        f"{first.name} serves most: {ahead.value:.0%} more requests per second than {second.name} "
        f"({ahead.low:.0%} to {ahead.high:.0%}), and fits {first.models} times against {second.models}."
    )


def _only(run: Measured, runs: Sequence[Measured], objectives: Objectives) -> str:
    """The one that served a load well, unless others may have as well."""
    unknown = [
        other.name
        for other in runs
        if other is not run and objectives.given and not is_missed(other.stages, objectives)
    ]
    if not unknown:
        return f"{run.name} is the only one that served a load well."
    return f"{run.name} served a load well; of {' and '.join(unknown)} it cannot be judged."


def _rate(point: "pd.Series[Any]") -> Estimate:
    return estimate_of(point, METRICS["throughput"])
