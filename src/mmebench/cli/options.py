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

ui_option = click.option("--ui", is_flag=True, help="Show it on a live page, with Locust's own pages.")

ui_port_option = click.option(
    "--ui-port", type=click.IntRange(1024, 65535), default=8089, show_default=True, help="Its port on 127.0.0.1."
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead, for programs.")


def choose_web_port(ui: bool, port: int) -> int | None:
    """Where the live page is to be; None is nowhere.

    Raises:
        BadInputError: somebody else listens there; better said now than after everything is loaded.
    """
    from mmebench.load.processes.process import check_web_port

    if not ui:
        return None
    check_web_port(port)
    return port


def say(error: BaseException) -> None:
    """Its message on stderr, and what is to be known beside it.

    Parts of it may be a server's words: what a terminal would obey is shown as a question mark.
    """
    for text in (str(error), *getattr(error, "__notes__", ())):
        shown = "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in text)
        click.echo(f"mmebench: {shown}", err=True)
