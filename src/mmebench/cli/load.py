"""``mmebench load``: offer load to an endpoint that already runs."""

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
def load(
    spec: Path,
    results: Path,
    overrides: tuple[str, ...],
    ui: bool,
    ui_port: int,
    output: Output,
) -> int:
    """Offer SPEC's workload to a multi-model endpoint that already runs; nothing is created, nothing removed."""
    from mmebench.benchmark.existing import load_endpoint
    from mmebench.cli.outcome import show
    from mmebench.spec.reading import read_load_spec

    wanted = read_load_spec(spec, overrides)
    web_port = choose_web_port(ui, ui_port)
    return show(
        results,
        wanted.objectives,
        lambda observer: load_endpoint(wanted, results, observer, web_port),
        output,
    )
