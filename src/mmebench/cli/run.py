"""``mmebench run``: all of it, with progress."""

from pathlib import Path

import click

from mmebench.cli.options import results_option, set_option


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@results_option
@set_option
def run(spec: Path, results: Path, overrides: tuple[str, ...]) -> int:
    """Benchmark SPEC: package, serve, fill, load, report.

    Started again, it does not measure again what is in the results already.
    """
    from mmebench.benchmark import run_benchmark
    from mmebench.cli.progress import show
    from mmebench.spec.reading import load_spec

    wanted = load_spec(spec, overrides)
    return show(results, wanted.objectives, lambda observer: run_benchmark(wanted, results, observer))
