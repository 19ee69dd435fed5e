"""``mmebench plan``: how many instances a whole fleet needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from mmebench.cli.options import Output, output_options
from mmebench.spec.planning import Planning, WhatIf

if TYPE_CHECKING:
    from mmebench.spec import Objectives


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RESULTS...")
@click.option("--models", type=int, help="How many are hosted; those of a trace unless told.")
@click.option("--traffic", required=True, metavar="TRAFFIC", help="A trace, or 'zipf:s,rate' as in zipf:1.1,50.")
@click.option(
    "--objectives",
    multiple=True,
    metavar="LIMITS",
    help="What is to be held: p99=300ms. Those of the runs unless told.",
)
@click.option(
    "--what-if",
    multiple=True,
    type=click.Choice(get_args(WhatIf)),
    help="What else is asked; may be given several times.",
)
@click.option("--check", is_flag=True, help="Measure one of the instances, with its part of models and traffic.")
@click.option(
    "--set", "fields", multiple=True, metavar="KEY=VALUE", help="Any other field of plan: routing=hashed."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the plan goes; to the first RESULTS unless told.",
)
@output_options
def plan(
    results: tuple[Path, ...],
    models: int | None,
    traffic: str,
    objectives: tuple[str, ...],
    what_if: tuple[str, ...],
    check: bool,
    fields: tuple[str, ...],
    out: Path | None,
    output: Output,
) -> int:
    """Say how many instances hold the objectives for a whole fleet, and what they cost.

    RESULTS are results/<model>, or single runs of them; each run that found its capacity is an option. Exits with
    1 where a number of instances was asked for that does not hold them.
    """
    from mmebench.errors import make_folder
    from mmebench.spec.reading import parse_objectives, read_planning

    asked = {"models": models, "traffic": traffic, "what_if": list(what_if)}
    planning = read_planning({name: value for name, value in asked.items() if value is not None}, "plan", fields)
    limits = parse_objectives(objectives) if objectives else None
    if out is not None:
        make_folder(out)
    directory = out or (results[0] if results[0].is_dir() else results[0].parent)
    return show_plan(results, planning, limits, directory, output, check)


def show_plan(
    results: Sequence[Path],
    planning: Planning,
    objectives: "Objectives | None",
    directory: Path,
    output: Output,
    check: bool = False,
) -> int:
    """Make the plan, keep it in ``directory``, and say what it is; returns the exit code."""
    from mmebench.cli.as_json import print_json
    from mmebench.cli.outcome import shown
    from mmebench.errors import disk_errors
    from mmebench.plan.check import FOLDER
    from mmebench.plan.making import check_plan, keep_plan, make_plan
    from mmebench.report.words.plan import describe_plan, plan_table, scenario_tables

    with disk_errors(directory), output.console() as console, console.status("") as status:
        planned = make_plan(results, planning, objectives, status.update)
    record = planned.record
    if check:
        with disk_errors(directory):
            keep_plan(record, directory)  # what was found stays where it cannot be checked
        with shown(directory / FOLDER, output) as (progress, _):
            record = check_plan(planned, directory / FOLDER, progress)
    with disk_errors(directory):
        keep_plan(record, directory)
    exit_code = 0 if record.held else 1
    lines = (*describe_plan(record), f"Plan, table and picture: {directory}/plan.json, plan.csv, plan.png")
    if output.as_json:
        print_json(record.model_dump(mode="json") | {"lines": lines, "exit_code": exit_code})
        return exit_code
    from rich.console import Console

    terminal = Console()
    terminal.print(plan_table(record))
    for table in scenario_tables(record):
        terminal.print(table)
    for line in lines:
        terminal.print(line, highlight=False, markup=False, soft_wrap=True)
    return exit_code
