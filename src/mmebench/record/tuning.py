"""The record of a tuning: what was tried, what it came to, and which field mattered."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from mmebench.record.layout import TUNING
from mmebench.record.run import Record
from mmebench.replacing import write_whole


class Tried(Record):
    """One configuration. Figures are of the load with the most requests/s of those within the objectives."""

    name: str
    changes: dict[str, Any]
    state: Literal["measured", "ended early", "failed"]
    reason: str = ""
    """Why it was ended early, or failed."""
    rank: int | None = None
    """1 is the best; None of one that was not measured to its end, or holds no load within the objectives."""
    tied: bool = False
    """Whether it counts, and is not shown to be worse than the best."""
    on_front: bool = False
    """Whether none equals or beats it in capacity, throughput, p99 and cost at once."""
    value: float | None = None
    """Of the goal."""
    value_low: float | None = None
    value_high: float | None = None
    """Of its 95 % confidence interval."""
    held: bool = False
    """Whether there is a load within the objectives."""
    capacity: float | None = None
    capacity_is_least: bool = False
    """Whether nobody tried more, as ``targets.limit`` ended the filling."""
    throughput_per_s: float | None = None
    p99_ms: float | None = None
    usd_per_million: float | None = None
    load: float | None = None
    """Users, or requests per second offered, where these figures were measured."""

    @property
    def counts(self) -> bool:
        """Whether it may be the best: measured to its end, and within the objectives."""
        return self.held and self.state == "measured"


class TuningRecord(Record):
    """All of a tuning, as far as it has come."""

    version: Literal[1] = 1
    goal: str
    """What is to be best, in words, with :attr:`unit`."""
    unit: str
    largest: bool
    """Whether more of it is better."""
    places: tuple[str, ...]
    """What may be changed."""
    combinations: int | None
    """How many there are in all; None where they are without number."""
    trials: tuple[Tried, ...]
    """In the order in which they were tried."""
    repeats: int = 1
    """How often each was measured."""
    baseline: str | None = None
    """The name of the trial that is the spec as it is; None where the space does not have it."""
    weights: dict[str, float] = Field({})
    """How much of the differences each place accounts for; empty where trials are too few to say."""

    @property
    def in_order(self) -> list[Tried]:
        """The best first, then those that have no rank."""
        return sorted(self.trials, key=lambda trial: (trial.rank is None, trial.rank or 0))

    @property
    def best(self) -> Tried | None:
        """The trial with rank 1."""
        return next((trial for trial in self.trials if trial.rank == 1), None)


def write_tuning(record: TuningRecord, directory: Path) -> None:
    """Keep it beside the runs that it is of."""
    write_whole(directory / TUNING, record.model_dump_json(indent=1))


def find_tuning(directory: Path) -> TuningRecord | None:
    """The record of the tuning whose runs are in a ``results/<model>`` directory; None where none can be read."""
    try:
        return TuningRecord.model_validate_json((directory / TUNING).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
