"""``mmebench run``: all of it, with progress."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmebench.cli.options import (
    Output,
    choose_web_port,
    output_options,
    results_option,
    set_option,
    ui_option,
    ui_port_option,
)

if TYPE_CHECKING:
    from mmebench.benchmark.outcome import Outcome
    from mmebench.benchmark.progress import RunProgress
    from mmebench.load.locust_pages import LocustPages


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@results_option
@set_option
@ui_option
@ui_port_option
@output_options
def run(
    spec: Path,
    results: Path,
    overrides: tuple[str, ...],
    ui: bool,
    ui_port: int,
    output: Output,
) -> int:
    """Benchmark SPEC: package, serve, fill, load, report.

    Started again, it does not measure again what is in the results already.
    """
    from mmebench.spec.reading import load_spec

    wanted = load_spec(spec, overrides)  # a mistake need not wait for what takes long to import
    from mmebench.benchmark.story import run_benchmark
    from mmebench.cli.outcome import show

    web_port = choose_web_port(ui, ui_port)

    def benchmark(observer: "RunProgress", pages: "LocustPages | None") -> "Outcome":
        return run_benchmark(wanted, results, observer, pages)

    return show(results, wanted.objectives, benchmark, output, web_port)
