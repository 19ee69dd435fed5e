"""``mmebench run``: all of it, with progress."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmebench.cli.options import Output, benchmark_options, choose_web_port
from mmebench.errors import BadInputError

if TYPE_CHECKING:
    from mmebench.benchmark.outcome import Outcome
    from mmebench.benchmark.progress import RunProgress
    from mmebench.load.locust_pages import LocustPages

_MOST_RUNS = 200
"""More are asked for by a slip sooner than by intent."""


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@benchmark_options
@click.option("--yes", is_flag=True, help=f"Measure even more than {_MOST_RUNS} runs.")
def run(
    spec: Path,
    results: Path,
    overrides: tuple[str, ...],
    ui: bool,
    ui_port: int,
    yes: bool,
    output: Output,
) -> int:
    """Benchmark SPEC: package, serve, fill, load, report.

    Started again, it does not measure again what is in the results already.
    """
    from mmebench.spec.reading import load_spec

    wanted = load_spec(spec, overrides)  # a mistake need not wait for what takes long to import
    if not yes and (count := wanted.runs) > _MOST_RUNS:
        raise BadInputError(
            f"{spec}: got {count} runs, each with an endpoint of its own; allowed: {_MOST_RUNS}; make the grid "
            "smaller, or start it with --yes"
        )
    from mmebench.benchmark.story import run_benchmark
    from mmebench.cli.outcome import show

    if wanted.plan is not None:  # what it takes may not be installed, which nobody wants to hear after an hour
        from mmebench.plan.making import keep_plan, make_plan

    web_port = choose_web_port(ui, ui_port)
    measured: list[Path] = []

    def benchmark(observer: "RunProgress", pages: "LocustPages | None") -> "Outcome":
        outcome = run_benchmark(wanted, results, observer, pages)
        measured.append(outcome.directory)
        return outcome

    exit_code = show(results, wanted.objectives, benchmark, output, web_port)
    if wanted.plan is None or exit_code > 1:  # what failed is to be measured first
        return exit_code
    if output.as_json:
        record = make_plan(measured, wanted.plan, wanted.objectives).record
        keep_plan(record, measured[0])  # what was printed is one document; plan.json is the other
        return exit_code or (0 if record.held else 1)
    from mmebench.cli.plan import show_plan

    planned = show_plan(measured, wanted.plan, wanted.objectives, measured[0], output)
    return exit_code or planned
