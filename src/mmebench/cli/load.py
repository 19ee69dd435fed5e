"""``mmebench load``: offer load to an endpoint that already runs."""

from pathlib import Path

import click

from mmebench.cli.options import results_option, set_option


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@results_option
@set_option
def load(spec: Path, results: Path, overrides: tuple[str, ...]) -> int:
    """Offer SPEC's workload to a multi-model endpoint that already runs; nothing is created, nothing removed."""
    from mmebench.benchmark import load_endpoint
    from mmebench.cli.progress import show
    from mmebench.spec.reading import read_load_spec

    wanted = read_load_spec(spec, overrides)
    return show(results, wanted.objectives, lambda observer: load_endpoint(wanted, results, observer))
