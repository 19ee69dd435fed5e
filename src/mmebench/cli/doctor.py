"""``mmebench doctor``: whether a spec can be run on SageMaker."""

from pathlib import Path

import click

from mmebench.cli.options import set_option

_MARKS = {True: "pass", False: "FAIL", None: "?   "}


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@set_option
def doctor(spec: Path, overrides: tuple[str, ...]) -> int:
    """Look at everything that SPEC needs on AWS, and say what to do where it is not there. Nothing is created."""
    from mmebench.cli.sagemaker import read_spec
    from mmebench.endpoints.sagemaker.doctor import examine
    from mmebench.privacy import hide_accounts

    wanted, endpoint, builds = read_spec(spec, overrides)
    failed = False
    for finding in examine(endpoint, len(wanted.platforms), builds):
        failed |= finding.passed is False
        click.echo(hide_accounts(f"{_MARKS[finding.passed]}  {finding.name}: {finding.text}"))
    return 1 if failed else 0
