"""``mmebench compare``: two results side by side."""

from pathlib import Path

import click

from mmebench.cli.options import json_option


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
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
    before: Path,
    after: Path,
    limits: tuple[str, ...],
    anyway: bool,
    junit: Path | None,
    markdown: Path | None,
    as_json: bool,
) -> int:
    """Compare two results, load by load, and print Markdown.

    BEFORE and AFTER are results/<model>, or one run of it: results/<model>/<instance>*<platform>*<targets>. A
    change counts only where its 95 % confidence interval leaves out "no change".
    """
    from mmebench.cli.as_json import comparison_fields, print_json
    from mmebench.errors import BadInputError, disk_errors
    from mmebench.figures.comparability import find_differences
    from mmebench.figures.compare import compare_stages, pair, read_sides
    from mmebench.figures.limits import parse_limit
    from mmebench.report.junit import Checked, write_junit
    from mmebench.report.words.comparison import write_comparison

    for option, path in (("--junit", junit), ("--markdown", markdown)):
        if path is not None and not path.absolute().parent.is_dir():
            raise BadInputError(f"{option} {path}: no folder {path.absolute().parent}; make it, or give another")
    wanted = [parse_limit(text) for text in limits]
    checked: list[Checked] = []
    texts, fields = [], []
    for first, second in pair(read_sides(before), read_sides(after)):
        differences = find_differences(first, second)
        if differences.prohibitive and not anyway:
            raise BadInputError(
                f"{first.name} and {second.name} are not comparable: {'; '.join(differences.prohibitive)}; "
                "measure them alike, or use --anyway"
            )
        stages = compare_stages(first, second)
        texts.append(write_comparison(first, second, stages, differences))
        fields.append(comparison_fields(first, second, stages, differences))
        name = first.name if first.name == second.name else f"{first.name} → {second.name}"
        for model in dict.fromkeys(
            [None, *(stage.model for stage in stages)]
        ):  # all together, and each of a fleet
            own = [stage for stage in stages if stage.model == model]
            checked += [
                Checked(
                    limit.text if model is None else f"{limit.text} of {model}",
                    name,
                    tuple(limit.exceeded(own)),
                    tuple(limit.unknown(own)),
                )
                for limit in wanted
            ]
    exceeded = [text for each in checked for text in each.exceeded]
    unknown = [text for each in checked for text in each.unknown]
    texts += [*(f"FAILED {text}" for text in exceeded), *(f"CANNOT BE JUDGED {text}" for text in unknown)]
    if as_json:
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
