"""``mmebench load``: offer load to an endpoint that already runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmebench.cli.options import choose_web_port, results_option, set_option, ui_option, ui_port_option

if TYPE_CHECKING:
    from mmebench.benchmark.outcome import Outcome
    from mmebench.benchmark.progress import RunProgress


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@results_option
@set_option
@ui_option
@ui_port_option
def load(spec: Path, results: Path, overrides: tuple[str, ...], ui: bool, ui_port: int) -> int:
    """Offer SPEC's workload to a multi-model endpoint that already runs; nothing is created, nothing removed."""
    from mmebench.benchmark.existing import load_endpoint
    from mmebench.cli.outcome import show
    from mmebench.spec.reading import read_load_spec

    wanted = read_load_spec(spec, overrides)
    web_port = choose_web_port(ui, ui_port)

    def benchmark(observer: "RunProgress", locust_port: int | None) -> "Outcome":
        return load_endpoint(wanted, results, observer, locust_port)

    return show(results, wanted.objectives, benchmark, web_port)
