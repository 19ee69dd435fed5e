"""What benchmarks share: processes on cores of their own, rounds that interleave, a table and a JSON file.

Machines are shared and noisy, so a figure alone says little. What is compared is run in turns, within one call,
and each ratio is that of the medians over the rounds.
"""

import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).with_name("results")
BUILD = Path(__file__).with_name("build")
"""What is compiled or made for the benchmarks; git ignores it."""

Runs = list[float]
"""A figure, once a round."""

Value = Callable[[float], float]
"""What is printed of a run's figure: CPU for a request is measured, requests for a second of CPU are shown."""


@dataclass(frozen=True)
class Figure:
    """One line of a benchmark."""

    figure: str
    value: float
    unit: str
    against: str
    ratio: float
    reach: str
    """What the ratio is to be; empty where the line only informs."""
    ok: bool
    runs: Mapping[str, Runs]
    """What was measured in each round, of us and of the other."""


def times_better(
    figure: str, unit: str, ours: Runs, against: str, theirs: Runs, reach: float | None, value: Value
) -> Figure:
    """How many times less than the other we use; at least ``reach`` is asked for, or nothing."""
    ratio = median(theirs) / median(ours)
    asked = "" if reach is None else f">= {reach:g}x"
    runs = {"ours": ours, against: theirs}
    return Figure(figure, value(median(ours)), unit, against, ratio, asked, ratio >= (reach or 0), runs)


def times_as_much(
    figure: str, unit: str, ours: Runs, against: str, theirs: Runs, reach: float | None, value: Value
) -> Figure:
    """How many times as much as the other we use; at most ``reach`` is asked for, or nothing."""
    ratio = median(ours) / median(theirs)
    asked = "" if reach is None else f"<= {reach:g}x"
    runs = {"ours": ours, against: theirs}
    return Figure(figure, value(median(ours)), unit, against, ratio, asked, reach is None or ratio <= reach, runs)


def within(figure: str, unit: str, ours: Runs, against: str, limit: float) -> Figure:
    """A figure with a limit of its own; its ratio is the share of the limit that it takes up."""
    value = median(ours)
    return Figure(
        figure, value, unit, against, value / limit, f"<= {limit:g} {unit}", value <= limit, {"ours": ours}
    )


def in_turns(rounds: int, measures: Mapping[str, Callable[[], float]]) -> dict[str, Runs]:
    """Measure each once a round, one after another, so that all meet the same weather."""
    found: dict[str, Runs] = {name: [] for name in measures}
    for number in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
            Console(stderr=True).print(f"round {number + 1} of {rounds}: {name}: {found[name][-1]:.4g}")
    return found


def publish(name: str, figures: list[Figure]) -> None:
    """Print the table and write ``results/<name>.json``."""
    when, machine = datetime.now(UTC).isoformat(timespec="seconds"), describe_machine()
    table = Table(title=f"{name} · {machine} · {when[:10]}", box=SIMPLE, title_justify="left")
    for title in ("figure", "value", "against", "ratio", "reach", ""):
        table.add_column(title, justify="right" if title in ("value", "ratio") else "left")
    for figure in figures:
        verdict = "" if not figure.reach else "ok" if figure.ok else "missed"
        value = f"{figure.value:,.0f}" if figure.value >= 1000 else f"{figure.value:.3g}"
        table.add_row(
            figure.figure, f"{value} {figure.unit}", figure.against, f"{figure.ratio:.3g}x", figure.reach, verdict
        )
    Console(width=max(Console().width, 150)).print(table)
    RESULTS.mkdir(exist_ok=True)
    lines = [asdict(figure) | {"machine": machine, "date": when} for figure in figures]
    (RESULTS / f"{name}.json").write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")


def describe_machine() -> str:
    """Processor, cores, kernel and Python."""
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    return f"{processor}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"


SERVER, CLIENT = 0, -1
"""Which of the cores that we may use: the first is the server's, the last the client's."""


@contextmanager
def on_core(which: int) -> Iterator[None]:
    """Processes started inside stay on this core; that they share none keeps one from slowing the other."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[which]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
