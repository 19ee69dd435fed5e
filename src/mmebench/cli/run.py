"""``mmebench run``: all of it, with progress."""

from pathlib import Path

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
    from mmebench.benchmark.story import run_benchmark
    from mmebench.cli.outcome import show
    from mmebench.spec.reading import load_spec

    wanted = load_spec(spec, overrides)
    web_port = choose_web_port(ui, ui_port)
    return show(
        results,
        wanted.objectives,
        lambda observer: run_benchmark(wanted, results, observer, web_port),
        output,
    )
