"""``mmebench run``: all of it, with progress."""

import signal
import sys
from pathlib import Path

import click


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Where results go; what an earlier start finished there is not measured again.",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the spec: workload.payload.batch=4"
)
def run(spec: Path, results: Path, overrides: tuple[str, ...]) -> int:
    """Benchmark SPEC: package, serve, fill, load, report."""
    from rich.console import Console

    from mmebench.benchmark import run_benchmark
    from mmebench.cli.progress import RunProgress
    from mmebench.errors import disk_errors
    from mmebench.report.objectives import judge
    from mmebench.report.table import summary_table
    from mmebench.spec.reading import load_spec

    wanted = load_spec(spec, overrides)
    # A SIGTERM takes the same way out as Ctrl-C: everything that was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console()
    with disk_errors(results), RunProgress(console, wanted) as progress:
        outcome = run_benchmark(wanted, results, progress)
    console.print(summary_table(outcome.summary))
    verdict = judge(outcome.summary, wanted.objectives)
    for line in verdict.lines:
        console.print(line, highlight=False, soft_wrap=True)
    console.print(f"Results, charts and samples: {outcome.directory}/", highlight=False)
    return 0 if verdict.met else 1
