"""Options that several commands share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmebench.errors import disk_errors

if TYPE_CHECKING:
    from rich.console import Console

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


@dataclass(frozen=True)
class Output:
    """What a command that takes long says, and where."""

    as_json: bool
    """One JSON object on stdout in the end; progress goes to stderr then."""
    quiet: bool
    log_file: Path | None
    """Where progress goes instead."""

    @contextmanager
    def console(self) -> "Iterator[Console]":
        """Where progress is shown."""
        from rich.console import Console

        if self.log_file is None:
            yield Console(stderr=self.as_json, quiet=self.quiet)
            return
        with disk_errors(self.log_file), self.log_file.open("a", encoding="utf-8") as file:
            yield Console(file=file, width=200)  # no terminal: a line a step, each with its time


def output_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options of :class:`Output`, which the command gets as ``output``."""

    @json_option
    @click.option("--quiet", is_flag=True, help="Show no progress, only what came of it.")
    @click.option(
        "--log-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Append the progress to a file instead, each line with its time.",
    )
    @wraps(command)
    def with_output(*arguments: Any, as_json: bool, quiet: bool, log_file: Path | None, **options: Any) -> int:
        return command(*arguments, output=Output(as_json, quiet, log_file), **options)

    return with_output


def benchmark_options(command: Callable[..., int]) -> Callable[..., int]:
    """Those of every command that measures: where results go, what is changed of the spec, and how it is shown."""
    for option in (output_options, ui_port_option, ui_option, set_option, results_option):
        command = option(command)
    return command


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
