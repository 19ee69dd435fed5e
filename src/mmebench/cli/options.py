"""Options that several commands share."""

from pathlib import Path

import click

results_option = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Where results go.",
)

set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the spec: workload.payload.batch=4"
)


def say(error: BaseException) -> None:
    """Its message on stderr, and what is to be known beside it."""
    for text in (str(error), *getattr(error, "__notes__", ())):
        click.echo(f"mmebench: {text}", err=True)
