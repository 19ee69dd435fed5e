"""``mmebench report``: summary, charts and table of a results directory."""

from pathlib import Path

import click


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
def report(directory: Path) -> None:
    """Summarise and draw DIRECTORY: results/<model> of any run in this layout."""
    from rich.console import Console

    from mmebench.cli.options import say
    from mmebench.errors import BadInputError, disk_errors
    from mmebench.record.recovery import recover_what_is_left
    from mmebench.report.report import write_report
    from mmebench.report.words.table import summary_table

    console = Console()
    with disk_errors(directory):
        for what in recover_what_is_left(directory):
            console.print(what, highlight=False, markup=False, soft_wrap=True)
        written = write_report(directory)
    console.print(summary_table(written.summary))
    for line in written.findings:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for reason in written.unread:
        say(BadInputError(reason))
    console.print(f"Summary and charts: {directory}/", highlight=False, markup=False)
