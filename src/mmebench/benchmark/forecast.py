"""What a benchmark will do and how long its loads take, as far as its spec says it: nothing is started for it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mmebench.benchmark.time_left import mean_load_seconds
from mmebench.benchmark.wanted import Wanted, in_order
from mmebench.record.run import Price


class Planned(NamedTuple):
    """One run that there will be."""

    label: str
    """``onnx on ml.g5.xlarge``."""
    usd_per_hour: float | None
    """Of all its instances; None where nobody bills."""
    changes: str
    """What is changed of the spec, in words; nothing where it is measured as it is."""


class Forecast(NamedTuple):
    """All of it. Packaging, creating, filling and reports come on top of what is offered."""

    runs: tuple[Planned, ...]
    stages: int | None
    """Of each run; None for a search, which makes as many as it needs."""
    load_seconds: float | None
    """What the stages of one run take together."""
    experiments: tuple[tuple[str, float | None], ...]
    """Of each run: what it is and its seconds; None where they depend on the endpoint."""

    @property
    def seconds(self) -> float:
        """What is known of all runs together."""
        each = (self.load_seconds or 0) + sum(seconds or 0 for _, seconds in self.experiments)
        return len(self.runs) * each

    @property
    def open_ended(self) -> bool:
        """Whether some of it takes a time that nobody knows before."""
        return self.load_seconds is None or any(seconds is None for _, seconds in self.experiments)

    @property
    def usd(self) -> float | None:
        """What these seconds cost on endpoints that are billed by the second; None where none is."""
        rates = [run.usd_per_hour for run in self.runs if run.usd_per_hour is not None]
        return sum(rates) / 3600 * self.seconds / len(self.runs) if rates else None


def make_forecast(wanted: Sequence[Wanted], prices: Mapping[str, Price]) -> Forecast:
    """Args: ``prices`` are of one instance of each type."""
    runs = []
    for each, endpoint in in_order(wanted):
        price = prices.get(endpoint.instance_type or "")
        hourly = None if price is None else price.usd_per_hour * endpoint.instances
        where = f" on {endpoint.instance_type}" if endpoint.instance_type else ""
        runs.append(Planned(f"{each.label}{where}", hourly, each.changes))
    first = wanted[0].spec
    return Forecast(
        runs=tuple(runs),
        stages=len(first.workload.stages) or None,
        load_seconds=mean_load_seconds([each.spec.workload for each in wanted]),
        experiments=tuple((experiment.title, experiment.seconds) for experiment in first.experiments),
    )
