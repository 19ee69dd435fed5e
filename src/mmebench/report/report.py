"""The report of a results directory: summary, charts, and the table for the terminal."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mmebench.figures.by_model import summarise_models, without_models
from mmebench.figures.hostings import find_hostings
from mmebench.figures.operating_point import find_operating_point
from mmebench.figures.summary import put_together, runs_of
from mmebench.figures.trades import find_trades
from mmebench.record.layout import (
    CHART2,
    COST_CHART,
    DISTRIBUTION_CHART,
    HOSTINGS,
    KNEE_CHART,
    PLAN_CHART,
    PLAN_TABLE,
    REPORT,
    SUMMARY,
    SUMMARY_BY_MODEL,
    TUNING_CHART,
    TUNING_TABLE,
    VARIANTS,
)
from mmebench.record.metrics import since_load_began
from mmebench.record.plan import PlanRecord, find_plan
from mmebench.record.run import objectives_of, unread_records
from mmebench.record.tables import FLOAT_FORMAT, write_or_remove, write_table
from mmebench.record.tuning import TuningRecord, find_tuning
from mmebench.report.footers import footer_of, footer_of_all
from mmebench.report.kinds import show_kinds
from mmebench.report.page.html import write_html
from mmebench.report.pictures.drawing import Picture, draw_changed, one_thread, remove_picture
from mmebench.report.recorded import Recorded, read_recorded
from mmebench.report.resources import find_panels
from mmebench.report.runs import name_all, stages_by_run, tell_apart
from mmebench.report.stretches import find_stretches
from mmebench.report.words.conclusions import Conclusions, common_objectives, conclude
from mmebench.report.words.experiments import write_experiments
from mmebench.report.words.failures import explain_failures
from mmebench.report.words.plan import flat
from mmebench.report.words.variants import describe_variants
from mmebench.spec import Objectives


class Report(NamedTuple):
    """What a person is shown of it in the terminal; the rest is in files."""

    summary: pd.DataFrame
    """One row a stage."""
    objectives: Objectives
    """What it was held against."""
    conclusions: Conclusions
    trades: pd.DataFrame
    """What variants trade, as :func:`mmebench.figures.trades.find_trades` has it; empty without variants."""
    hostings: pd.DataFrame
    """Ways to host beside each other, as :func:`mmebench.figures.hostings.find_hostings` has it; mostly empty."""
    variants: tuple[str, ...]
    """What was changed for each variant, a line each; none where the spec was measured as it is."""
    findings: tuple[str, ...]
    """What experiments show, a line each."""
    failures: tuple[str, ...]
    """What failed requests were told, a line each."""
    unread: tuple[str, ...]
    """Why a record could not be read, a line each."""


def write_report(directory: Path, objectives: Objectives | None = None) -> Report:
    """Write the tables and the charts of a ``results/<model>`` directory; pictures are drawn where they change.

    Args:
        directory: with any number of runs.
        objectives: what runs are held against; what the last of them was asked to hold unless told.

    Raises:
        BadInputError: there is nothing in it to report on.
    """
    with one_thread():
        report, runs = _write(directory, objectives)
        _draw_all(directory, runs, report.summary)
    return report


def write_report_so_far(directory: Path, objectives: Objectives) -> None:
    """The same but for the pictures that have all runs in them: there are more to come.

    Raises:
        BadInputError: there is nothing in it to report on.
    """
    with one_thread():
        _write(directory, objectives)


def _write(directory: Path, objectives: Objectives | None) -> tuple[Report, list[Recorded]]:
    """Tables, page, and the pictures of each run; what was recorded of all of them, beside the report."""
    runs = [read_recorded(files) for files in runs_of(directory)]
    summary = put_together(directory, [run.figures.rows for run in runs])
    _write_summary(summary, directory)
    findings = [line for run in runs for line in write_experiments(run.files, footer_of(run.run))]
    tuning = find_tuning(directory)
    if tuning is not None:
        _write_tuning(tuning, directory, name_all(summary), footer_of_all([run.run for run in runs]))
    plan = find_plan(directory)
    if plan is not None:
        write_plan_files(plan, directory, footer_of_all([run.run for run in runs]))
    unread = unread_records(directory)
    records = [run.run for run in runs if run.run is not None]
    asked = common_objectives(records) if objectives is None else objectives
    conclusions = conclude(summary, asked, records, unread)
    trades = find_trades(summary)
    write_or_remove(trades, directory / VARIANTS)
    hostings = find_hostings(summary, records, asked)
    write_or_remove(hostings, directory / HOSTINGS)
    draw_changed([picture for run in runs for picture in _pictures_of(run)])
    write_html(runs, summary, asked, conclusions, findings, trades, hostings, directory / REPORT, tuning, plan)
    report = Report(
        summary,
        asked,
        conclusions,
        trades,
        hostings,
        describe_variants(records),
        tuple(findings),
        tuple(explain_failures(records)),
        unread,
    )
    return report, runs


def _write_summary(summary: pd.DataFrame, directory: Path) -> None:
    """For a fleet, its kinds of models have a table of their own."""
    write_table(without_models(summary), directory / SUMMARY, FLOAT_FORMAT)
    write_or_remove(summarise_models(summary), directory / SUMMARY_BY_MODEL)


def _write_tuning(tuning: TuningRecord, directory: Path, title: str, footer: str) -> None:
    """The trials as a table for other tools, and as a picture."""
    from mmebench.report.pictures.tuning_chart import draw_tuning

    rows = [
        {"number": number, **trial.model_dump(exclude={"changes"}), **trial.changes}
        for number, trial in enumerate(tuning.trials, 1)
    ]
    write_table(pd.DataFrame(rows), directory / TUNING_TABLE, FLOAT_FORMAT)
    draw_changed([Picture(directory / TUNING_CHART, draw_tuning, (tuning, title, footer))])


def write_plan_files(plan: PlanRecord, directory: Path, footer: str) -> None:
    """What was looked at as a table for other tools, and as a picture."""
    from mmebench.report.pictures.plan_chart import draw_plan

    rows = [flat(option, point) for option in plan.ranked for point in option.points]
    write_or_remove(pd.DataFrame(rows), directory / PLAN_TABLE)
    draw_changed([Picture(directory / PLAN_CHART, draw_plan, (plan, footer))])


def _pictures_of(recorded: Recorded) -> Iterator[Picture]:
    """The pictures of one run. Those that have nothing to show are removed."""
    from mmebench.report.pictures.capacity_chart import draw_capacity
    from mmebench.report.pictures.charts import draw_chart1
    from mmebench.report.pictures.kinds_chart import draw_kinds
    from mmebench.report.pictures.latency_charts import draw_latency_over_time
    from mmebench.report.pictures.resource_chart import draw_resources

    files, run, footer = recorded.files, recorded.run, footer_of(recorded.run)
    rows, course = recorded.figures.rows, recorded.figures.course
    if not rows.empty:
        yield Picture(
            files.chart1, draw_chart1, (rows, footer, Objectives() if run is None else objectives_of(run))
        )
    if run is None:
        return
    title = recorded.key.title(run.model)
    stages = find_stretches(run.stages, rows) if files.samples.exists() else []
    if run.kinds and not rows.empty:
        ((_, ordered),) = stages_by_run(rows)
        point = find_operating_point(ordered, objectives_of(run))
        looked_at = rows.iloc[-1] if point is None else point
        yield Picture(files.kinds_chart, draw_kinds, (ordered, looked_at, run.capacity, title, footer))
    else:
        remove_picture(files.kinds_chart)
    if run.capacity is not None and len(run.capacity.loads) > 1:
        of = (run.capacity, f"{run.title}: capacity", footer, show_kinds(rows))
        yield Picture(files.capacity_chart, draw_capacity, of)
    if course.empty:
        remove_picture(files.latency_chart)
    else:
        yield Picture(files.latency_chart, draw_latency_over_time, (course, stages, title, footer))
    first, end = (run.stages[0].start, run.stages[-1].end) if run.stages else (0.0, 0.0)
    metrics = since_load_began(recorded.metrics, files.stats_history, first)
    if panels := find_panels(recorded.sightings, metrics, end):
        yield Picture(files.resources_chart, draw_resources, (panels, stages, title, footer))
    else:
        remove_picture(files.resources_chart)


def _draw_all(directory: Path, runs: list[Recorded], summary: pd.DataFrame) -> None:
    """The pictures that have all runs in them."""
    from mmebench.report.pictures.charts import draw_chart2
    from mmebench.report.pictures.cost_chart import draw_cost
    from mmebench.report.pictures.knee_chart import draw_knee
    from mmebench.report.pictures.latency_charts import draw_distribution

    footer, looks = footer_of_all([run.run for run in runs]), tell_apart([run.key for run in runs])
    known = ((looks[run.key], run.figures.distribution) for run in runs)
    distributions = {look: latencies for look, latencies in known if latencies is not None}
    title = name_all(summary)
    draw_changed(
        [
            Picture(directory / CHART2, draw_chart2, (summary, looks, footer)),
            Picture(directory / DISTRIBUTION_CHART, draw_distribution, (distributions, title, footer)),
            Picture(directory / KNEE_CHART, draw_knee, (summary, looks, title, footer)),
            Picture(directory / COST_CHART, draw_cost, (summary, looks, title, footer)),
        ]
    )
