"""``mmebench load``: offer load to an endpoint that already runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmebench.cli.options import Output, benchmark_options, choose_web_port

if TYPE_CHECKING:
    from mmebench.benchmark.outcome import Outcome
    from mmebench.benchmark.progress import RunProgress
    from mmebench.load.locust_pages import LocustPages


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@benchmark_options
def load(
    spec: Path,
    results: Path,
    overrides: tuple[str, ...],
    ui: bool,
    ui_port: int,
    output: Output,
) -> int:
    """Offer SPEC's workload to a multi-model endpoint that already runs; nothing is created, nothing removed."""
    from mmebench.spec.reading import read_load_spec

    wanted = read_load_spec(spec, overrides)  # a mistake need not wait for what takes long to import
    from mmebench.benchmark.existing import load_endpoint
    from mmebench.cli.outcome import show

    web_port = choose_web_port(ui, ui_port)

    def benchmark(observer: "RunProgress", pages: "LocustPages | None") -> "Outcome":
        return load_endpoint(wanted, results, observer, pages)

    return show(results, wanted.objectives, benchmark, output, web_port)
