"""What a command came to, for programs: one JSON object on stdout."""

import json
import math
from collections.abc import Sequence
from typing import Any

import click
import pandas as pd

from mmebench.benchmark.outcome import Outcome
from mmebench.figures.comparison import Comparison
from mmebench.figures.rows import rows_of
from mmebench.report.report import Report
from mmebench.report.words.objectives import Verdict


def print_json(value: Any) -> None:
    """Figures that are not known are null."""
    click.echo(json.dumps(_known(value), indent=1, allow_nan=False))


def report_fields(directory: object, report: Report) -> dict[str, Any]:
    """Of a results directory: ``stages`` are the rows of ``summary_results.csv``, under its columns.

    Those of a fleet have the rows of its kinds of models in ``by_model``, by their names. ``trades`` are the rows
    of ``variants.csv``, ``hostings`` those of ``hostings.csv``.
    """
    return {
        "directory": str(directory),
        "stages": _rows(report.summary),
        "conclusions": report.conclusions.verdict,
        "warnings": report.conclusions.warnings,
        "variants": report.variants,
        "trades": _rows(report.trades),
        "hostings": _rows(report.hostings),
        "findings": report.findings,
        "failures": report.failures,
        "unread": report.unread,
    }


def outcome_fields(
    outcome: Outcome, verdict: Verdict, problems: Sequence[BaseException], exit_code: int
) -> dict[str, Any]:
    """The same of a benchmark, with what it was to hold and what went wrong."""
    return report_fields(outcome.directory, outcome.report) | {
        "objectives": {"met": verdict.met, "lines": verdict.lines},
        "problems": [str(problem) for problem in problems],
        "staying": outcome.staying,
        "exit_code": exit_code,
    }


def comparison_fields(comparison: Comparison) -> dict[str, Any]:
    """Of two sides; ``runs`` is how many each is the mean of, and of 1 intervals are those within it."""
    before, after = comparison.before, comparison.after
    return {
        "before": before.name,
        "after": after.name,
        "runs": {"before": before.count, "after": after.count},
        "not_comparable": comparison.differences.prohibitive,
        "to_be_known": comparison.differences.notable,
        "loads": [
            {
                "load": stage.load,
                "model": stage.model,
                "changes": [
                    {
                        "figure": change.metric,
                        "unit": change.unit,
                        "before": change.before,
                        "after": change.after,
                        "change": change.change.value,
                        "low": change.change.low,
                        "high": change.change.high,
                        "verdict": change.verdict,
                    }
                    for change in stage.changes
                ],
            }
            for stage in comparison.stages
        ],
    }


def _rows(summary: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows_of(summary)]


def _known(value: Any) -> Any:
    """With null for what JSON has no word for."""
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_known(each) for each in value]
    if value is None or value is pd.NaT:
        return None
    if hasattr(value, "item"):  # a number of NumPy's
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
