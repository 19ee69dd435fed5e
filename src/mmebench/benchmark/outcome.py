"""What a benchmark left."""

from dataclasses import dataclass
from pathlib import Path

from mmebench.errors import MmebenchError
from mmebench.report.report import Report


@dataclass(frozen=True)
class Outcome:
    """What a benchmark left: the directory of the model, its report, and what went wrong beside it."""

    directory: Path
    report: Report
    problems: tuple[MmebenchError, ...] = ()
    staying: tuple[str, ...] = ()
    """What was left there on purpose, and how it is deleted."""
