"""``mmebench compare``: results held against others."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from mmebench.cli.options import json_option

_AGAINST = "--against"


class _SeveralAgainst(click.Command):
    """Click's options take a fixed number of values; this one takes all up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As if ``--against`` stood before each of them."""
        return super().parse_args(ctx, list(_spread(args)))


def _spread(args: Sequence[str]) -> Iterator[str]:
    against = False
    for number, arg in enumerate(args):
        if against and not arg.startswith("-") and args[number - 1] != _AGAINST:
            yield _AGAINST
        elif arg.startswith("-"):
            against = arg.partition("=")[0] == _AGAINST
        yield arg


@click.command(cls=_SeveralAgainst)
@click.argument("results", nargs=-1, required=True, metavar="BEFORE... [AFTER]", type=click.Path(path_type=Path))
@click.option(
    _AGAINST,
    "against",
    multiple=True,
    metavar="AFTER...",
    type=click.Path(path_type=Path),
    help="One result or several, up to the next option; what stands before it is BEFORE.",
)
@click.option("--fail-on", "limits", multiple=True, metavar="LIMIT", help="Exit with 1 on a change: 'p99>+10%'.")
@click.option("--anyway", is_flag=True, help="Compare what is not comparable, and say so.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write the limits as JUnit's XML.")
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    help='Append the comparison to a file, as "$GITHUB_STEP_SUMMARY".',
)
@json_option
def compare(
    results: tuple[Path, ...],
    against: tuple[Path, ...],
    limits: tuple[str, ...],
    anyway: bool,
    junit: Path | None,
    markdown: Path | None,
    as_json: bool,
) -> int:
    """Compare two results, or several with several, load by load, and print Markdown.

    BEFORE and AFTER are results/<model>, or one run of it: results/<model>/<instance>*<platform>*<targets>. A
    change counts only where its 95 % confidence interval leaves out "no change". Several results on a side, as
    in "compare mon tue --against wed thu", are repeats of each other: means over them, intervals between them.
    """
    from mmebench.cli.as_json import comparison_fields, print_json
    from mmebench.errors import BadInputError, disk_errors
    from mmebench.figures.comparison import compare_results
    from mmebench.figures.limits import check_limits, parse_limit
    from mmebench.report.junit import write_junit
    from mmebench.report.words.comparison import write_comparison

    for option, path in (("--junit", junit), ("--markdown", markdown)):
        if path is not None and not path.absolute().parent.is_dir():
            raise BadInputError(f"{option} {path}: no folder {path.absolute().parent}; make it, or give another")
    wanted = [parse_limit(text) for text in limits]
    comparisons = compare_results(*_sides(results, against), anyway)
    checked = [each for comparison in comparisons for each in check_limits(comparison, wanted)]
    exceeded = [text for each in checked for text in each.exceeded]
    unknown = [text for each in checked for text in each.unknown]
    texts = [write_comparison(comparison) for comparison in comparisons]
    texts += [*(f"FAILED {text}" for text in exceeded), *(f"CANNOT BE JUDGED {text}" for text in unknown)]
    if as_json:
        fields = [comparison_fields(comparison) for comparison in comparisons]
        print_json({"comparisons": fields, "exceeded": exceeded, "cannot_be_judged": unknown})
    else:
        click.echo("\n".join(texts))
    if junit is not None:
        with disk_errors(junit):
            write_junit(checked, junit)
    if markdown is not None:
        with disk_errors(markdown), markdown.open("a", encoding="utf-8") as file:
            file.write("\n".join(texts) + "\n")
    return 1 if exceeded else 0


def _sides(results: tuple[Path, ...], against: tuple[Path, ...]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """What is before, and what is after."""
    from mmebench.errors import BadInputError

    if against:
        return results, against
    if len(results) == 2:
        return results[:1], results[1:]
    given = f"{len(results)} result{'s' * (len(results) > 1)}: {' '.join(map(str, results))}"
    raise BadInputError(
        f"got {given}; allowed: two, or any number on both sides of {_AGAINST}; "
        f"write mmebench compare BEFORE... {_AGAINST} AFTER..."
    )
