"""The record of a plan: how many instances of what, what that costs, and what it rests on."""

from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from mmebench.record.layout import PLAN
from mmebench.record.run import Record
from mmebench.replacing import write_whole


class Percentiles(Record):
    """Of latencies, in milliseconds; None where there are none to speak of."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Point(Record):
    """What so many instances come to."""

    instances: int
    by: Literal["computed", "simulated"]
    held: bool
    """Whether all objectives are."""
    missed: tuple[str, ...]
    """Which are not, in words."""
    keeps_up: bool
    hit_ratio: float | None
    all: Percentiles
    warm: Percentiles
    cold: Percentiles
    loads_per_s: float
    """Cold starts that are begun, on all instances together."""
    utilisation: float
    """Requests over the most that instances answer."""
    loading: float
    """Seconds of loads over the most that instances get done."""
    usd_per_month: float | None


class Swayed(Record):
    """What one figure, or one assumption, does to the answer."""

    figure: str
    """In words."""
    low: str
    """Its lower bound, or one way to assume it; ``high``: the other."""
    high: str
    instances_low: int | None
    """How many instances it takes then; None where no number does."""
    instances_high: int | None


class Moment(Record):
    """A stretch of time of a what-if."""

    seconds: float
    """Since what happened; before it, below 0."""
    hit_ratio: float | None
    p99_ms: float | None
    unanswered: int
    """Requests that were waiting or in service at its end."""


class Ways(Record):
    """Instances that each way to host takes for so many models; None where no number holds the objectives."""

    models: int
    s: float
    """Of Zipf's law, by which they are asked for, each as often as those that are planned for."""
    multi_model: int | None
    components: int | None
    single: int | None


class Scenario(Record):
    """A what-if, and what came of it."""

    name: str
    title: str
    answer: str
    """A sentence."""
    rows: tuple[dict[str, Any], ...] = ()
    """A table; its columns are their keys."""
    course: tuple[Moment, ...] = ()
    ways: tuple[Ways, ...] = ()
    """Over popularity and number of models."""


class Checked(Record):
    """A point of the plan that was measured."""

    figure: str
    predicted: float
    measured: float
    unit: str


class Option(Record):
    """One measured run, and how many instances like its own hold the objectives."""

    run: str
    """Its name."""
    model: str
    instance_type: str
    platform: str
    usd_per_hour: float | None
    price_source: str
    instances: int | None
    """As simulated; None where no number holds the objectives."""
    computed: int | None
    """The same by formula."""
    impossible: str
    """Why no number does, in words; empty where one does."""
    limits: str
    """What one instance fewer misses, and by what: compute, loading, cold starts, memory."""
    points: tuple[Point, ...]
    """By ``instances``, the simulated ones after the computed ones."""
    sways: tuple[Swayed, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    checked: tuple[Checked, ...] = ()
    assumptions: tuple[str, ...] = ()
    """What is taken for granted here, a sentence each."""

    @property
    def answer(self) -> Point | None:
        """The point that is the answer."""
        found = [point for point in self.points if point.instances == self.instances and point.by == "simulated"]
        return found[-1] if found else None

    @property
    def usd_per_month(self) -> float | None:
        """Of the answer."""
        return None if self.answer is None else self.answer.usd_per_month


class PlanRecord(Record):
    """A plan, for one fleet and traffic, on whatever was measured."""

    version: Literal[1] = 1
    asked: dict[str, Any]
    """The planning of the spec."""
    models: int
    rate: float
    """Requests per second."""
    traffic: str
    """In words."""
    objectives: str
    """In words."""
    made_at: str
    options: tuple[Option, ...]
    left_out: tuple[str, ...] = ()
    """Runs that no plan could rest on, and why, a sentence each."""

    @property
    def ranked(self) -> list[Option]:
        """The cheapest first; without prices that with the fewest instances; those that hold nothing last."""
        return sorted(
            self.options,
            key=lambda each: (
                each.instances is None,
                each.answer is None or not each.answer.held,
                float("inf") if each.usd_per_month is None else each.usd_per_month,
                each.instances or 0,
            ),
        )

    @property
    def held(self) -> bool:
        """Whether an option holds the objectives: of those that were asked for, or found."""
        return self.best is not None

    @property
    def best(self) -> Option | None:
        """The first of them, if any holds the objectives."""
        first = self.ranked[0] if self.options else None
        return None if first is None or first.answer is None or not first.answer.held else first


def write_plan(record: PlanRecord, directory: Path) -> None:
    """Keep it beside the runs that it rests on."""
    write_whole(directory / PLAN, record.model_dump_json(indent=1))


def find_plan(directory: Path) -> PlanRecord | None:
    """The plan in a ``results/<model>`` directory; None where none can be read."""
    try:
        return PlanRecord.model_validate_json((directory / PLAN).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
