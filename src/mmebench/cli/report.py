"""``mmebench report``: summary, charts and table of a results directory."""

from pathlib import Path

import click

from mmebench.cli.options import json_option


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--mlflow", "tracking", metavar="URI", help="Log its runs to MLflow, too: file:mlruns or a server.")
@json_option
def report(directory: Path, tracking: str | None, as_json: bool) -> None:
    """Summarise and draw DIRECTORY: results/<model> of any run in this layout."""
    from rich.console import Console

    from mmebench.cli.as_json import print_json, report_fields
    from mmebench.cli.options import say
    from mmebench.errors import BadInputError, disk_errors
    from mmebench.record.recovery import recover_what_is_left
    from mmebench.report.report import write_report
    from mmebench.report.words.hostings import hosting_table, hostings_in_words
    from mmebench.report.words.models_table import models_table
    from mmebench.report.words.table import summary_table
    from mmebench.report.words.trades import trade_table, trades_in_words

    console = Console(stderr=as_json)
    with disk_errors(directory):
        for what in recover_what_is_left(directory):
            console.print(what, highlight=False, markup=False, soft_wrap=True)
        written = write_report(directory)
    if tracking is not None:
        from mmebench.report.mlflow_runs import log_runs

        for name in log_runs(directory, written.summary, tracking):
            console.print(f"MLflow at {tracking}: {name}", highlight=False, markup=False, soft_wrap=True)
    if as_json:
        print_json(report_fields(directory, written))
        return
    console.print(summary_table(written.summary))
    if (models := models_table(written.summary, written.objectives)) is not None:
        console.print(models)
    if (trades := trade_table(written.trades)) is not None:
        console.print(trades)
    if (hostings := hosting_table(written.hostings)) is not None:
        console.print(hostings)
    hosted = hostings_in_words(written.hostings)
    for line in (*written.variants, *trades_in_words(written.trades), *hosted, *written.findings):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for reason in written.unread:
        say(BadInputError(reason))
    console.print(f"Summary and charts: {directory}/", highlight=False, markup=False)
