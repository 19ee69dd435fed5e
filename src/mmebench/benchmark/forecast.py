"""What a benchmark will do and how long its loads take, as far as its spec says it: nothing is started for it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mmebench.benchmark.time_left import load_seconds, mean_load_seconds
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


class Hosted(NamedTuple):
    """One kind of model of a fleet."""

    name: str
    model: str | None
    """None where only the loader of the model knows."""
    platform: str
    targets: int | None
    """As the spec says; None where it is as many as fit beside the others."""
    share: float
    """Of what fits, of the targets of models that have no number of their own."""
    requests: float | None
    """Of all requests; None where a trace says which target each is for."""


class Forecast(NamedTuple):
    """All of it. Packaging, creating, filling and reports come on top of what is offered."""

    runs: tuple[Planned, ...]
    models: tuple[Hosted, ...]
    """Of a fleet: what there is in each run; none where runs are of one model."""
    stages: int | None
    """Of each run; None for a search, which makes as many as it needs."""
    load_seconds: float | None
    """What the stages of one run take together."""
    experiments: tuple[tuple[str, float | None], ...]
    """Of the first run: what it is and its seconds; None where they depend on the endpoint."""
    seconds: float
    """What is known of all runs together."""
    open_ended: bool
    """Whether some of it takes a time that nobody knows before."""

    @property
    def usd(self) -> float | None:
        """What these seconds cost on endpoints that are billed by the second; None where none is."""
        rates = [run.usd_per_hour for run in self.runs if run.usd_per_hour is not None]
        return sum(rates) / 3600 * self.seconds / len(self.runs) if rates else None


def _hosted(wanted: Wanted) -> Iterator[Hosted]:
    kinds = wanted.fleet.kinds
    shared = sum(kind.targets.share for kind in kinds if kind.targets.fixed is None)
    for kind in kinds:
        if kind.name is not None:
            requests = None if wanted.spec.workload.popularity.traced else kind.requests
            own = (kind.name, kind.model.label, kind.platform.label, kind.targets.fixed)
            yield Hosted(*own, kind.targets.share / shared if shared else 0.0, requests)


def _experiments(wanted: Wanted) -> Iterator[tuple[str, float | None]]:
    kinds = len(wanted.fleet.kinds)
    for experiment in wanted.spec.experiments:
        seconds = experiment.seconds
        yield experiment.title, None if seconds is None else seconds * experiment.times(kinds)


def _seconds(wanted: Wanted) -> list[float | None]:
    """Of its load, and of each of its experiments; None of what nobody knows."""
    return [load_seconds(wanted.spec.workload), *(seconds for _, seconds in _experiments(wanted))]


def make_forecast(wanted: Sequence[Wanted], prices: Mapping[str, Price]) -> Forecast:
    """Args: ``prices`` are of one instance of each type."""
    runs = []
    for each, endpoint in in_order(wanted):
        price = prices.get(endpoint.instance_type or "")
        hourly = None if price is None else price.usd_per_hour * endpoint.all_instances
        where = f" on {endpoint.instance_type}" if endpoint.instance_type else ""
        runs.append(Planned(f"{each.title}{where}", hourly, each.changes))
    first = wanted[0].spec
    return Forecast(
        runs=tuple(runs),
        models=tuple(_hosted(wanted[0])),
        stages=len(first.workload.stages) or None,
        load_seconds=mean_load_seconds([each.spec.workload for each in wanted]),
        experiments=tuple(_experiments(wanted[0])),
        seconds=sum(second or 0 for each, _ in in_order(wanted) for second in _seconds(each)),
        open_ended=any(second is None for each in wanted for second in _seconds(each)),
    )
