"""The report of a results directory: summary, charts, and the table for the terminal."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mmebench.report.experiments import write_experiments
from mmebench.report.html import write_html
from mmebench.results.layout import CHART2, REPORT, SUMMARY, find_runs
from mmebench.results.run import read_run
from mmebench.results.summary import summarise


class Report(NamedTuple):
    """What a person is shown of it in the terminal; the rest is in files."""

    summary: pd.DataFrame
    """One row a stage."""
    findings: tuple[str, ...]
    """What experiments show, a line each."""


def write_report(directory: Path) -> Report:
    """Write ``summary_results.csv`` and the charts of a ``results/<model>`` directory.

    Raises:
        BadInputError: there is nothing in it to report on.
    """
    from mmebench.report.charts import draw_chart1, draw_chart2, save

    summary = summarise(directory)
    summary.to_csv(directory / SUMMARY, index=False, float_format="%.6g")
    footers, findings = [], []
    for files in find_runs(directory):
        rows = summary[
            (summary["instance_type"] == files.instance_type)
            & (summary["platform"] == files.platform)
            & (summary["targets"] == files.targets)
        ]
        footers.append(_footer(files.run))
        if not rows.empty:
            save(draw_chart1(rows, footers[-1]), files.chart1)
        findings += write_experiments(files, footers[-1])
    save(draw_chart2(summary, footers[-1]), directory / CHART2)
    write_html(find_runs(directory), summary, findings, directory / REPORT)
    return Report(summary, tuple(findings))


def _footer(record: Path) -> str:
    """What it was measured on and when; of a foreign result only that it is one."""
    if not record.exists():
        return "from Locust's history; no record of the run"
    run = read_run(record)
    versions = run.environment["versions"]
    return (
        f"{run.container} · {run.environment['processor']}, {run.environment['cpus']} CPUs · "
        f"mmebench {versions['mmebench']} · {run.finished_at[:10]}"
    )
