"""report.html: one file that opens without a network and shows what a benchmark came to."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from mmebench.record.layout import PLAN_CHART, TUNING_CHART
from mmebench.record.plan import PlanRecord
from mmebench.record.run import Run
from mmebench.record.tuning import TuningRecord
from mmebench.replacing import write_whole
from mmebench.report.footers import footer_of_all
from mmebench.report.page.chart import Chart
from mmebench.report.page.heat_map import draw_heat_maps
from mmebench.report.page.hosting_table import make_hosting_table
from mmebench.report.page.kind_charts import draw_kind_charts
from mmebench.report.page.load_charts import draw_load_charts
from mmebench.report.page.model_table import make_model_table
from mmebench.report.page.other_charts import draw_filling, draw_times
from mmebench.report.page.plan_table import make_plan_table
from mmebench.report.page.shown import Shown, show
from mmebench.report.page.tables import make_tables
from mmebench.report.page.tiles import Tile, make_tiles
from mmebench.report.page.time_charts import draw_time_charts
from mmebench.report.page.trade_offs import draw_trade_offs
from mmebench.report.page.trade_table import make_trade_table
from mmebench.report.page.tuning_table import make_tuning_table
from mmebench.report.palette import COLOURS, COLOURS_ON_BLACK
from mmebench.report.recorded import Recorded
from mmebench.report.runs import RunKey
from mmebench.report.words.conclusions import Conclusions
from mmebench.report.words.hostings import hostings_in_words
from mmebench.report.words.objectives import describe_objectives
from mmebench.report.words.plan import describe_plan
from mmebench.report.words.repeats import repeats_in_words
from mmebench.report.words.tuning import describe_tuning
from mmebench.spec import EXPERIMENTS, Objectives
from mmebench.spec.fleet import MIX
from mmebench.spec.variants import describe_changes

_MOST_TILES = 8
"""Runs whose figures are there at once; those of others at a click."""
_MOST_SENTENCES, _MOST_WARNINGS = 12, 6
"""The same of what the verdict says, and of warnings."""
_MOST_ROWS = 60
"""Of a table; one that has more is there at a click."""


class _Picture(NamedTuple):
    """What an experiment has drawn."""

    title: str
    source: str
    run: int


class _Head(NamedTuple):
    """The beginning of a report: a run with its tiles."""

    number: int
    name: str
    about: str
    key: RunKey
    tiles: Sequence[Tile]


class _Asked(NamedTuple):
    """What was asked of a run, and what it ran on."""

    number: int
    name: str
    about: str
    spec: str


def write_html(
    runs: list[Recorded],
    summary: pd.DataFrame,
    objectives: Objectives,
    conclusions: Conclusions,
    findings: Sequence[str],
    trades: pd.DataFrame,
    hostings: pd.DataFrame,
    path: Path,
    tuning: TuningRecord | None = None,
    plan: PlanRecord | None = None,
) -> None:
    """Write the report of these runs, whose rows, if they have any, are ``summary``; it needs no other file.

    Args:
        runs: in the order of the summary.
        summary: one row a stage.
        objectives: what runs are held against.
        conclusions: what it comes to.
        findings: what experiments show, a sentence each.
        trades: what variants trade, if any; see :func:`mmebench.figures.trades.find_trades`.
        hostings: ways to host, if there are several; see :func:`mmebench.figures.hostings.find_hostings`.
        path: of the file.
        tuning: that these runs are trials of, whose picture is beside it.
        plan: that rests on these runs, whose picture is beside it.
    """
    import jinja2
    from markupsafe import Markup

    records = [run.run for run in runs if run.run is not None]
    shown = show(runs, summary, objectives)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    style = environment.from_string(_template("report.css")).render(
        colours=COLOURS, colours_on_black=COLOURS_ON_BLACK
    )
    script = _template("report.js")
    charts, of_models = (
        [chart._replace(wide=Markup(chart.wide), narrow=Markup(chart.narrow)) for chart in drawn]
        for drawn in (_charts(shown, objectives), draw_kind_charts(shown, objectives))
    )
    page = environment.from_string(_template("report.html")).render(
        title=_title(summary),
        facts=_facts(runs, summary, objectives),
        runs=[_head(run, shown, objectives) for run in shown],
        most_tiles=_MOST_TILES,
        most_sentences=_MOST_SENTENCES,
        most_warnings=_MOST_WARNINGS,
        most_rows=_MOST_ROWS,
        conclusions=conclusions,
        findings=tuple(findings),
        switches=_switches(runs),
        charts=charts,
        pictures=list(_pictures(shown)),
        tuning=() if tuning is None else describe_tuning(tuning),
        tuning_picture=None if tuning is None else _encoded(path.with_name(TUNING_CHART)),
        tuning_table=None if tuning is None else make_tuning_table(tuning),
        plan=() if plan is None else describe_plan(plan),
        plan_picture=None if plan is None else _encoded(path.with_name(PLAN_CHART)),
        plan_table=None if plan is None else make_plan_table(plan),
        model_charts=of_models,
        model_table=make_model_table(shown, objectives),
        trade_table=make_trade_table(shown, trades),
        hosting_table=make_hosting_table(shown, hostings),
        hosted=hostings_in_words(hostings),
        tables=list(make_tables(shown)),
        repeated=bool(repeats_in_words(summary)),
        measured=(summary["basis"] == "samples").any(),
        recovered=(summary["basis"] != "samples").any(),
        asked=[_asked(run, run.recorded.run) for run in shown if run.recorded.run is not None],
        footer=_footer(records),
        style=Markup(style),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    write_whole(path, page)


def _title(summary: pd.DataFrame) -> str:
    """``resnet50: pt and onnx``; a fleet has its name alone."""
    platforms = [platform for platform in dict.fromkeys(summary["platform"]) if platform != MIX]
    return ": ".join(filter(None, (str(summary["model_name"].iloc[0]), " and ".join(platforms))))


def _template(name: str) -> str:
    return resources("mmebench.report").joinpath(f"templates/{name}").read_text(encoding="utf-8")


def _facts(runs: Sequence[Recorded], summary: pd.DataFrame, objectives: Objectives) -> dict[str, str]:
    """On what it was measured, when, and what was to be held."""
    types = list(dict.fromkeys(summary["instance_type"]))
    return {
        "On": " and ".join(types) if len(types) <= 3 else f"{len(types)} instance types",
        "Measured": footer_of_all([run.run for run in runs]),
        "Objectives": "; ".join(describe_objectives(objectives)) or "none were set",
    }


def _head(run: Shown, runs: Sequence[Shown], objectives: Objectives) -> _Head:
    several = len({other.key.instance_type for other in runs}) > 1
    about = f"{run.key.targets} targets under load"
    if several and run.key.instance_type not in run.name:
        about = f"{run.key.instance_type}, {about}"
    record = run.recorded.run
    if record is not None and record.changes:
        about = f"{about}; {describe_changes(record.changes)}"
    return _Head(run.number, run.name, about, run.key, make_tiles(run, objectives))


def _switches(runs: Sequence[Recorded]) -> dict[str, tuple[str, list[str]]]:
    """Names and choices of what several runs have in common; one by one they have buttons."""
    known = {
        "platform": ("Platform", list(dict.fromkeys(run.key.platform for run in runs))),
        "instance": ("Instance type", list(dict.fromkeys(run.key.instance_type for run in runs))),
    }
    return {name: (title, values) for name, (title, values) in known.items() if 1 < len(values) < len(runs)}


def _charts(runs: Sequence[Shown], objectives: Objectives) -> Iterator[Chart]:
    yield from draw_load_charts(runs, objectives)
    yield from draw_trade_offs(runs, objectives)
    yield from draw_times(runs)
    yield from draw_time_charts(runs, objectives)
    yield from draw_heat_maps(runs)
    yield from draw_filling(runs)


def _pictures(runs: Sequence[Shown]) -> Iterator[_Picture]:
    for run in runs:
        for kind, experiment in EXPERIMENTS.by_name.items():
            picture = run.recorded.files.experiment(kind).chart
            if picture.exists():
                title = f"{experiment.title}: {run.name}" if len(runs) > 1 else experiment.title
                yield _Picture(title, _encoded(picture), run.number)


def _encoded(picture: Path) -> str:
    """As the source of an image, so that the page needs no other file; nothing where there is none."""
    if not picture.exists():
        return ""
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"


def _asked(shown: Shown, run: Run) -> _Asked:
    environment: dict[str, Any] = run.environment
    versions = ", ".join(f"{package} {version}" for package, version in environment.get("versions", {}).items())
    about = (
        f"{run.container}; {environment.get('processor')}, {environment.get('cpus')} CPUs; "
        f"{run.started_at} to {run.finished_at}; {versions}"
    )
    spec = yaml.safe_dump(run.spec, sort_keys=False, allow_unicode=True)
    return _Asked(shown.number, shown.key.name, about, spec)


def _footer(records: Sequence[Run]) -> str:
    if not records:
        return "Made by mmebench from Locust's history."
    last = records[-1]
    version = last.environment.get("versions", {}).get("mmebench", "")
    return f"Made by mmebench {version}; measured until {last.finished_at}."
