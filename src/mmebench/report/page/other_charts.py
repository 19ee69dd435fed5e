"""The charts of report.html that are neither over a load nor over time: filling, and what a latency is made of."""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from mmebench.report.page.axis import from_zero
from mmebench.report.page.bars import Bar, Part, draw_bars
from mmebench.report.page.chart import Chart, make
from mmebench.report.page.key import Key
from mmebench.report.page.plot import WIDE, Label, Mark, Plot, Size
from mmebench.report.page.shown import Shown
from mmebench.units import human_number, human_seconds

_MIB = 2**20
_PARTS = {
    "client_ms": "client, network",
    "loading_ms": "waiting for a load",
    "router_ms": "router",
    "container_ms": "container",
    "queue_ms": "queue",
    "compute_ms": "compute",
}


def draw_times(runs: Sequence[Shown]) -> Iterator[Chart]:
    """Where the mean latency of each stage went; nothing where no endpoint says."""
    known = []
    columns = {name: text for name, text in _PARTS.items() if any(_has(run, name) for run in runs)}
    for run in runs:
        own = [name for name in columns if name in run.stages]
        known += [
            (run, row, load)
            for row, load in zip(run.rows, run.loads, strict=True)
            if any(pd.notna(row[name]) for name in own)
        ]
    if not known:
        return
    several = len({run.number for run, _, _ in known}) > 1

    def draw(size: Size, about: str) -> str:
        bars = []
        for run, row, load in known:
            parts = [
                Part(
                    max(float(row[name]), 0.0),
                    f"part-{name.removesuffix('_ms')}",
                    f"{run.name}, {load}: {text} {human_number(row[name])} ms",
                )
                for name, text in columns.items()
                if pd.notna(row.get(name))
            ]
            name = f"{run.name}, {load}" if several else load
            whole = human_number(sum(part.length for part in parts))
            bars.append(Bar(run.number, name, parts, f"{whole} ms"))
        keys = [Key(f"part-{name.removesuffix('_ms')}", text) for name, text in columns.items()]
        return draw_bars(size, bars, "mean latency, ms", about, keys)

    yield make("Where the mean latency went", "ms of each stage", draw)


def _has(run: Shown, column: str) -> bool:
    return column in run.stages and bool(run.stages[column].notna().any())


def draw_filling(runs: Sequence[Shown]) -> Iterator[Chart]:
    """How an endpoint was filled: memory and first invocations over the targets that were loaded."""
    filled = {
        run.number: (run, run.recorded.run.capacity)
        for run in runs
        if run.recorded.run is not None and run.recorded.run.capacity is not None
    }
    known = [(run, capacity) for run, capacity in filled.values() if len(capacity.loads) > 1]
    memory = [
        (
            run,
            capacity.memory_budget,
            [None if load.memory_used is None else load.memory_used / _MIB for load in capacity.loads],
        )
        for run, capacity in known
        if any(load.memory_used is not None for load in capacity.loads)
    ]
    if memory:
        budgets = {run.number: budget / _MIB for run, budget, _ in memory if budget}

        def draw_memory(size: Size, about: str) -> str:
            series = {run.number: [float("nan") if u is None else u for u in used] for run, _, used in memory}
            values = [value for used in series.values() for value in used if value == value] + list(
                budgets.values()
            )
            plot = _over_targets([(run, series[run.number]) for run, _, _ in memory], values, "MiB", size)
            for budget in sorted(set(budgets.values())):
                plot.level(budget, f"budget: {human_number(budget)} MiB", kind="budget")
            for run, _, _ in memory:
                _points(plot, run, series[run.number], lambda value: f"{value:,.0f} MiB")
            return plot.svg(about)

        yield make(
            "Memory while the endpoint was filled", "of all targets, MiB, after each was loaded", draw_memory
        )
    if known:

        def draw_seconds(size: Size, about: str) -> str:
            series = [(run, [load.seconds for load in capacity.loads]) for run, capacity in known]
            plot = _over_targets(series, [value for _, seconds in series for value in seconds], "seconds", size)
            for run, capacity in known:
                alone = [float("nan") if load.beside else load.seconds for load in capacity.loads]
                _points(plot, run, alone, human_seconds)
                together = [load.seconds if load.beside else float("nan") for load in capacity.loads]
                _marks(plot, run, together, lambda value: f"{human_seconds(value)}, beside others")
            return plot.svg(about)

        beside = any(load.beside for _, capacity in known for load in capacity.loads)
        yield make(
            "First invocations",
            "seconds: each waits for its target to be loaded"
            + ("; the line is of those that were loaded by themselves" if beside else ""),
            draw_seconds,
        )


def _over_targets(series: Sequence[tuple[Shown, list[float]]], values: list[float], unit: str, size: Size) -> Plot:
    labels = [Label(run.number, len(own), own[-1], run.name) for run, own in series if own[-1] == own[-1]]
    most = max(len(own) for _, own in series)
    across = from_zero("targets in memory", [most], 9 if size == WIDE else 6, whole=True)
    return Plot(size, across, from_zero(unit, values), labels)


def _points(plot: Plot, run: Shown, values: Sequence[float], write: Callable[[float], str]) -> None:
    """Of the targets whose value is known, joined by a line."""
    plot.line([(at, value) for at, value in enumerate(values, 1) if value == value], run.number)
    _marks(plot, run, values, write)


def _marks(plot: Plot, run: Shown, values: Sequence[float], write: Callable[[float], str]) -> None:
    plot.marks(
        [
            Mark(at, value, f"{run.name}, target {at}: {write(value)}")
            for at, value in enumerate(values, 1)
            if value == value
        ],
        run.number,
        shown=len(values) <= 60,
    )
