"""The charts of report.html by kind of model, of each fleet."""

from collections.abc import Iterator, Sequence

import pandas as pd

from mmebench.record.run import Capacity
from mmebench.report.kinds import ShownKind, show_kinds
from mmebench.report.operating_points import describe_load
from mmebench.report.page.axis import fitting, from_zero, of_loads
from mmebench.report.page.bars import Bar, Part, draw_bars
from mmebench.report.page.chart import Chart, make
from mmebench.report.page.key import Key
from mmebench.report.page.plot import WIDE, Label, Mark, Plot, Size, of_kind
from mmebench.report.page.points import P50, P99
from mmebench.report.page.shown import Shown
from mmebench.spec import Objectives
from mmebench.units import human_bytes, human_number

_GIB = 2**30


def draw_kind_charts(runs: Sequence[Shown], objectives: Objectives) -> Iterator[Chart]:
    """Those that there is anything to be seen in; none of a run of one model."""
    for run in runs:
        kinds = show_kinds(run.stages)
        if kinds:
            of = f": {run.name}" if len(runs) > 1 else ""
            yield from _draw(run, kinds, of, objectives)


def _draw(run: Shown, kinds: Sequence[ShownKind], of: str, objectives: Objectives) -> Iterator[Chart]:
    capacity = None if run.recorded.run is None else run.recorded.run.capacity
    if capacity is not None and any(sum(kind.memory(capacity)) for kind in kinds):
        yield make(
            f"Memory of each model{of}",
            "GiB with as many targets as fit; light: what all copies of a model share, dark: its copies",
            lambda size, about: _memory(kinds, capacity, size, about),
            run.number,
        )
    stage = run.stage
    place = run.stages.index.tolist().index(stage.name) if stage is not None else 0
    if stage is not None and sum(kind.share(place, "slowest_share") for kind in kinds) > 0:
        yield make(
            f"Whose the slowest answers are{of}",
            f"% at {describe_load(stage)}: of all answers, and of the slowest 1 % of them",
            lambda size, about: _tail(kinds, place, size, about),
            run.number,
        )
    load = "requests/s offered" if run.open_loop else "users"
    single = [kind for kind in kinds if kind.single]
    only = f"; of the {len(single)} busiest" if len(single) < len(kinds) else ""
    if len(run.stages) > 1:
        yield make(
            f"Throughput of each model over {load}{of}",
            "successful requests per second",
            lambda size, about: _lines(
                run, load, [(kind, kind.rates) for kind in kinds], "requests/s", {}, size, about
            ),
            run.number,
        )
    else:
        yield make(
            f"Throughput of each model at {describe_load(run.stages.iloc[0])}{of}",
            "successful requests per second",
            lambda size, about: _bars([(kind, kind.rates[0]) for kind in kinds], "requests/s", "/s", size, about),
            run.number,
        )
    for column, name in ((P50, "p50"), (P99, "p99")):
        known = [(kind, values) for kind in single if any(pd.notna(values := kind.column(column)))]
        if known:
            yield _latency(run, known, load, name, only, of, objectives)


def _latency(
    run: Shown,
    known: Sequence[tuple[ShownKind, list[float]]],
    load: str,
    name: str,
    only: str,
    of: str,
    objectives: Objectives,
) -> Chart:
    limits = {
        kind.number: limit * 1e3
        for kind, _ in known
        if (limit := objectives.of(kind.name).percentiles.get(name)) is not None
    }
    dashed = "; dashed: its objective" if limits else ""
    if len(run.stages) > 1:
        return make(
            f"{name} of each model over {load}{of}",
            f"latency of successes, ms{only}{dashed}",
            lambda size, about: _lines(run, load, known, "ms", limits, size, about),
            run.number,
        )
    return make(
        f"{name} of each model at {describe_load(run.stages.iloc[0])}{of}",
        f"latency of successes, ms{only}",
        lambda size, about: _bars([(kind, values[0]) for kind, values in known], "ms", " ms", size, about),
        run.number,
    )


def _lines(
    run: Shown,
    load: str,
    known: Sequence[tuple[ShownKind, list[float]]],
    unit: str,
    limits: dict[int, float],
    size: Size,
    about: str,
) -> str:
    """A line a kind; ``limits`` by the number of a kind."""
    loads = run.stages["load"].tolist()
    labels = []
    for kind, values in known:
        at = [(x, y) for x, y in zip(loads, values, strict=True) if pd.notna(y)]
        labels.append(Label(kind.number, *at[-1], kind.name))
    values = [value for _, own in known for value in own if pd.notna(value)]
    near = {number: limit for number, limit in limits.items() if limit < 10 * max(values)}
    y = fitting(unit, [*values, *near.values()]) if unit == "ms" else from_zero(unit, values)
    plot = Plot(size, of_loads(load, loads, 10 if size == WIDE else 6), y, labels, of_kind)
    for kind, own in known:
        plot.line(zip(loads, own, strict=True), kind.number)
        plot.marks(
            [
                Mark(x, value, f"{kind.name}, {describe_load(row)}: {human_number(value)} {unit}")
                for (_, row), x, value in zip(run.stages.iterrows(), loads, own, strict=True)
                if pd.notna(value)
            ],
            kind.number,
        )
    for number, limit in near.items():
        plot.level(limit, f"objective: {limit:g} ms", number, "objective of-kind")
    return plot.svg(about)


def _bars(known: Sequence[tuple[ShownKind, float]], axis: str, unit: str, size: Size, about: str) -> str:
    bars = []
    for kind, value in known:
        text = "too few answers" if pd.isna(value) else f"{human_number(value)}{unit}"
        part = Part(0.0 if pd.isna(value) else value, "bar", f"{kind.name}: {text}")
        bars.append(Bar(kind.number, kind.name, [part], text))
    return draw_bars(size, bars, axis, about, of=of_kind)


def _keys(kinds: Sequence[ShownKind]) -> list[Key]:
    return [Key("bar", kind.name, kind.number) for kind in kinds]


def _memory(kinds: Sequence[ShownKind], capacity: Capacity, size: Size, about: str) -> str:
    parts = []
    for kind in kinds:
        shared, copies = kind.memory(capacity)
        for share, style, what in ((shared, "layer", "shared by its copies"), (copies, "bar", "copies")):
            if share > 0:
                tip = f"{kind.name}: {human_bytes(share)}, {what}"
                parts.append(Part(share / _GIB, style, tip, kind.number))
    whole = human_number(sum(part.length for part in parts))
    bars = [Bar(None, "models", parts, f"{whole} GiB")]
    if capacity.memory_budget:
        budget = capacity.memory_budget / _GIB
        bars.append(
            Bar(None, "budget", [Part(budget, "heat-0", "budget of all targets")], f"{human_number(budget)} GiB")
        )
    return draw_bars(size, bars, "GiB", about, _keys(kinds))


def _tail(kinds: Sequence[ShownKind], stage: int, size: Size, about: str) -> str:
    bars = []
    for name, column in (("all answers", "served_share"), ("slowest 1 %", "slowest_share")):
        shares = [(kind, 100 * kind.share(stage, column)) for kind in kinds]
        parts = [
            Part(share, "bar", f"{kind.name}: {share:.1f} % of {name}", kind.number)
            for kind, share in shares
            if share > 0
        ]
        first, most = max(shares, key=lambda each: each[1])
        bars.append(Bar(None, name, parts, f"{most:.0f} % {first.name}"))
    return draw_bars(size, bars, "%", about, _keys(kinds))
