"""``mmebench compare``: two results side by side."""

from pathlib import Path

import click


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--fail-on", "limits", multiple=True, metavar="LIMIT", help="Exit with 1 on a change: 'p99>+10%'.")
@click.option("--anyway", is_flag=True, help="Compare what is not comparable, and say so.")
def compare(before: Path, after: Path, limits: tuple[str, ...], anyway: bool) -> int:
    """Compare two results, load by load, and print Markdown.

    BEFORE and AFTER are results/<model>, or one run of it: results/<model>/<instance>*<platform>*<targets>. A
    change counts only where its 95 % confidence interval leaves out "no change".
    """
    from mmebench.errors import BadInputError
    from mmebench.figures.comparability import find_differences
    from mmebench.figures.compare import compare_stages, pair, read_sides
    from mmebench.figures.limits import parse_limit
    from mmebench.report.words.comparison import write_comparison

    checked = [parse_limit(text) for text in limits]
    exceeded: list[str] = []
    for first, second in pair(read_sides(before), read_sides(after)):
        differences = find_differences(first, second)
        if differences.prohibitive and not anyway:
            raise BadInputError(
                f"{first.name} and {second.name} are not comparable: {'; '.join(differences.prohibitive)}; "
                "measure them alike, or use --anyway"
            )
        stages = compare_stages(first, second)
        click.echo(write_comparison(first, second, stages, differences))
        exceeded += [text for limit in checked for text in limit.exceeded(stages)]
    for text in exceeded:
        click.echo(f"FAILED {text}")
    return 1 if exceeded else 0
