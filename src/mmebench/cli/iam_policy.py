"""``mmebench iam-policy``: the permissions that a spec needs."""

import json
from pathlib import Path

import click

from mmebench.cli.options import set_option


@click.command(name="iam-policy")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--for",
    "holder",
    type=click.Choice(["caller", "role", "trust"]),
    default="caller",
    show_default=True,
    help="Whoever runs mmebench, the execution role, or who may take that role on.",
)
@set_option
def iam_policy(spec: Path, holder: str, overrides: tuple[str, ...]) -> None:
    """Print the IAM policy, as JSON, that allows just what SPEC does. Accounts are named in it."""
    from mmebench.cli.sagemaker import read_spec
    from mmebench.endpoints.sagemaker.policy import caller_policy, role_policy, trust_policy

    _, endpoint, builds = read_spec(spec, overrides)
    policies = {
        "caller": lambda: caller_policy(endpoint, builds > 0),
        "role": lambda: role_policy(endpoint, builds > 0),
        "trust": trust_policy,
    }
    click.echo(json.dumps(policies[holder](), indent=2))
