"""``mmebench trace``: production logs become traces."""

from pathlib import Path

import click

from mmebench.cli.options import json_option
from mmebench.traffic.log_formats import LOGS, UNITS, Columns


@click.group()
def trace() -> None:
    """Turn logs of production into traces, which a benchmark repeats."""


@trace.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("trace.csv"),
    show_default=True,
    help="The trace; .parquet is smaller and quicker.",
)
@click.option("--format", "kind", type=click.Choice(list(LOGS)), help="By the first line unless told.")
@click.option("--time", metavar="COLUMN", help="Says when; of JSON a path as eventMetadata.inferenceTime.")
@click.option("--target", metavar="COLUMN", help="Says for what; '(file)' is the path of the file.")
@click.option("--target-pattern", metavar="REGEX", help="Its only group is the target, as in '/models/([^/?]+)'.")
@click.option("--time-unit", type=click.Choice(UNITS), help="By their size unless told.")
@click.option("--anonymise", is_flag=True, help="Targets become numbers, 0 for the one that is asked for most.")
@json_option
def import_(
    files: tuple[Path, ...],
    out: Path,
    kind: str | None,
    time: str | None,
    target: str | None,
    target_pattern: str | None,
    time_unit: str | None,
    anonymise: bool,
    as_json: bool,
) -> int:
    """Write a trace of what FILE... say was asked for and when: CSV, JSON lines, or logs of AWS' load balancers.

    Files may be gzip and any number of lines long. Lines that cannot be read are counted and shown. A benchmark
    repeats a trace by arrivals: {kind: trace, path: trace.csv} and popularity: trace.
    """
    from mmebench.cli.as_json import print_json
    from mmebench.traffic.importing import import_logs

    found = import_logs(files, out, Columns(time, target), kind, target_pattern, time_unit, anonymise)
    if as_json:
        print_json(found._asdict() | {"left_out": [each._asdict() for each in found.left_out], "trace": str(out)})
        return 0
    seconds = found.last - found.first
    rate = f", {found.requests / seconds:,.3g} a second" if seconds > 0 else ""
    click.echo(f"{out}: {found.requests:,} requests for {found.targets:,} targets in {seconds:,.0f} s{rate}")
    for each in found.left_out:
        click.echo(f"left out: {each.lines:,} lines with {each.reason}, as")
        for example in each.examples:
            click.echo("  " + "".join(letter if letter.isprintable() else "?" for letter in example))
    return 0


@trace.command()
@click.argument("path", metavar="TRACE", type=click.Path(path_type=Path))
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the picture goes; beside the trace, with .png, unless told.",
)
@json_option
def describe(path: Path, picture: Path | None, as_json: bool) -> int:
    """Say what a trace is like: how many requests when, how they spread over targets, in bursts or not.

    And what a cache of so many targets would hit, from which follows what thrash begins with. A picture shows the
    same.
    """
    from mmebench.cli.as_json import print_json
    from mmebench.errors import disk_errors
    from mmebench.figures.traffic import describe as look_at
    from mmebench.report.pictures.pictures import drawn, save
    from mmebench.report.pictures.traffic_chart import draw_traffic
    from mmebench.report.words.traffic import describe_traffic
    from mmebench.traffic.trace_arrays import read_requests

    requests = read_requests(path)
    traffic = look_at(requests.seconds, requests.targets)
    picture = path.with_suffix(".png") if picture is None else picture
    with disk_errors(picture):
        save(drawn(draw_traffic, (traffic, path.name, "mmebench trace describe")), picture)
    if as_json:
        print_json(
            traffic._asdict()
            | {
                "rates": traffic.rates.tolist(),
                "counts": traffic.counts.tolist(),
                "hits": traffic.hits.tolist(),
                "zipf": {"s": traffic.zipf.s._asdict(), "off": traffic.zipf.off},
                "picture": str(picture),
            }
        )
        return 0
    for line in describe_traffic(traffic):
        click.echo(line)
    click.echo(f"Picture: {picture}")
    return 0
