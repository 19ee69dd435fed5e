"""report.html: one file that opens without a network and shows what a benchmark came to."""

import base64
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import yaml

from mmebench.record.run import Run
from mmebench.replacing import write_whole
from mmebench.report.operating_points import describe_load
from mmebench.report.recorded import Recorded
from mmebench.report.words.conclusions import common_objectives, conclude
from mmebench.spec import EXPERIMENTS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_TABLE = {
    "instance_type": "instance type",
    "platform": "platform",
    "max_models_loaded": "models in memory",
    "targets": "targets",
    "load": "load",
    "Requests/s": "requests/s",
    "Total Average Response Time": "mean, ms",
    "Total Median Response Time": "p50, ms",
    "p95_ms": "p95, ms",
    "p99_ms": "p99, ms",
    "p99_9_ms": "p99.9, ms",
    "Successful Requests": "successes",
    "Failed Requests": "failures",
    "cold_starts": "cold starts",
    "littles_law": "Little's law",
    "client_cpu": "client CPU",
}
_MIB = 2**20


class Chart(NamedTuple):
    """A picture and what it shows, in words."""

    caption: str
    content: str
    """HTML."""


class _Asked(NamedTuple):
    """What was asked of a run, and what it ran on."""

    name: str
    about: str
    spec: str


def write_html(
    runs: list[Recorded], summary: pd.DataFrame, findings: Sequence[str], unread: Sequence[str], path: Path
) -> None:
    """Write the report of these runs, whose rows, if they have any, are ``summary``; it needs no other file.

    Args:
        runs: in the order of the summary.
        summary: one row a stage.
        findings: what experiments show, a sentence each.
        unread: why a record could not be read, a sentence each.
        path: of the file.
    """
    import jinja2
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    records = {run.files.prefix.name: run.run for run in runs if run.run is not None}
    objectives = common_objectives(list(records.values()))
    template = resources("mmebench.report").joinpath("templates/report.html").read_text(encoding="utf-8")
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    title = f"{summary['model_name'].iloc[0]}: {' and '.join(dict.fromkeys(summary['platform']))}"
    write_whole(
        path,
        page.render(
            title=title,
            measured=(summary["basis"] == "samples").any(),
            recovered=(summary["basis"] != "samples").any(),
            conclusions=conclude(summary, objectives, list(records.values()), unread),
            findings=findings,
            charts=[
                {"caption": chart.caption, "content": Markup(chart.content)} for chart in _charts(runs, summary)
            ],
            switches={
                "Platform": list(dict.fromkeys(run.key.platform for run in runs)),
                "Instance type": list(dict.fromkeys(run.key.instance_type for run in runs)),
            },
            parts={escape(run.key.name): [run.key.platform, run.key.instance_type] for run in runs},
            table=Markup(_table(summary)),
            table_library=Markup(_table_library()),
            chart_library=Markup(get_plotlyjs()),
            runs=[_asked(name, run) for name, run in records.items()],
            footer=_footer(records),
        ),
    )


def _charts(runs: list[Recorded], summary: pd.DataFrame) -> Iterator[Chart]:
    from mmebench.report.page import interactive, interactive_time

    courses, distributions, memory, sightings, metrics = {}, {}, {}, {}, {}
    numbers = {recorded.key.name: number for number, recorded in enumerate(runs)}
    for recorded in runs:
        run = recorded.run
        if run is None:
            continue
        name = recorded.key.name
        if not recorded.course.empty:
            courses[name] = recorded.course
        if recorded.distribution is not None:
            distributions[name] = recorded.distribution
        if not recorded.sightings.empty:
            sightings[name] = recorded.sightings
        if not recorded.metrics.empty:
            metrics[name] = recorded.metrics
        if run.capacity is not None and len(run.capacity.loads) > 1:
            budget = run.capacity.memory_budget
            used = [load.memory_used / _MIB for load in run.capacity.loads if load.memory_used is not None]
            if used:
                memory[name] = used, None if budget is None else budget / _MIB
    figures = {
        "Throughput over the load, with 95 % intervals. A click on a run's name hides it.": (
            interactive.draw_throughput(summary, numbers)
        ),
        "Latency over the load.": interactive.draw_latency(summary, numbers),
        "Latency against throughput: where a line turns up, more load buys waiting.": interactive.draw_knee(
            summary, numbers
        ),
        "Where the mean latency of each stage went.": interactive.draw_times(summary),
        "Latency over time, second by second; dotted lines are where the stages of the first run begin.": (
            interactive_time.draw_course(courses, numbers)
        ),
        "How latency is distributed over all requests of the load, to p99.9.": (
            interactive.draw_distribution(distributions, numbers)
        ),
        "What a million inferences cost against p99.": interactive.draw_cost(summary, numbers),
        "Memory while the load went on.": interactive_time.draw_endpoints(sightings, numbers),
        "What CloudWatch and server_metrics recorded; a click on a name shows it.": interactive_time.draw_metrics(
            metrics
        ),
        "Memory over the targets that were loaded; dashed lines are budgets.": interactive.draw_capacity(
            memory, numbers
        ),
    }
    for caption, figure in figures.items():
        if figure is not None:
            yield Chart(caption, _embed(figure))
    for files in (recorded.files for recorded in runs):
        for kind, experiment in EXPERIMENTS.by_name.items():
            about = experiment.title
            picture = files.experiment(kind).chart
            if picture.exists():
                encoded = base64.b64encode(picture.read_bytes()).decode()
                caption = f"{about}: {files.platform} on {files.instance_type}."
                yield Chart(caption, f'<img alt="{about}" src="data:image/png;base64,{encoded}">')


def _embed(figure: "Figure") -> str:
    """A place for the chart and what is to be drawn there once a reader comes near; see the template."""
    data = figure.to_json().replace("<", "\\u003c")  # so that no text in it ends the script
    return f'<div class="chart"></div><script type="application/json">{data}</script>'


def _table_library() -> str:
    import itables
    from itables.javascript import generate_init_offline_itables_html

    return generate_init_offline_itables_html(Path(itables.__file__).parent / "html" / "dt_bundle.js")


def _table(summary: pd.DataFrame) -> str:
    from itables.javascript import to_html_datatable

    rows = summary.assign(load=[describe_load(row) for _, row in summary.iterrows()])
    shown = rows[[column for column in _TABLE if column in rows]].rename(columns=_TABLE)
    # Text, so that what is not known is an empty cell; the library sorts it as the numbers that it is.
    shown = shown.map(_cell)
    return to_html_datatable(
        shown,
        showIndex=False,
        connected=False,
        paging=False,
        buttons=["copyHtml5", "csvHtml5"],
        classes="display compact",
        maxBytes=0,
    )


def _cell(value: float | str | None) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if value == round(value) else f"{value:.4g}"


def _asked(name: str, run: Run) -> _Asked:
    environment = run.environment
    versions = ", ".join(f"{package} {version}" for package, version in environment.get("versions", {}).items())
    about = (
        f"{run.container}; {environment.get('processor')}, {environment.get('cpus')} CPUs; "
        f"{run.started_at} to {run.finished_at}; {versions}"
    )
    return _Asked(name, about, yaml.safe_dump(run.spec, sort_keys=False, allow_unicode=True))


def _footer(records: dict[str, Run]) -> str:
    if not records:
        return "Made by mmebench from Locust's history."
    last = list(records.values())[-1]
    version = last.environment.get("versions", {}).get("mmebench", "")
    return f"Made by mmebench {version}; measured until {last.finished_at}."
