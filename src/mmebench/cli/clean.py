"""``mmebench clean``: delete what runs on SageMaker left that died before they could."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmebench.errors import BadInputError

if TYPE_CHECKING:
    from mmebench.endpoints.sagemaker.cleaning import Place


@click.command()
@click.argument("spec", required=False, type=click.Path(path_type=Path))
@click.option("--region", "regions", multiple=True, help="Look there; the spec's, or AWS_REGION's, unless told.")
@click.option("--older-than", default="0s", metavar="AGE", help="Leave what is younger, e.g. 2h.")
@click.option("--run", "run", metavar="NAME", help="Only what this run left, also if its spec said keep.")
@click.option("--profile", metavar="NAME", help="Of ~/.aws/config; the spec's, or AWS_PROFILE's, unless told.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
def clean(
    spec: Path | None,
    regions: tuple[str, ...],
    older_than: str,
    run: str | None,
    profile: str | None,
    dry_run: bool,
) -> int:
    """Delete what dead or finished runs left on SageMaker and in S3; what a live run uses stays.

    Runs of this machine are known by their journals and processes. What another machine left is deleted once its
    longest life is over. With SPEC, archives in its bucket are found too whose model is gone.
    """
    from mmebench.cli.options import say
    from mmebench.endpoints.endpoint import CleanUpError
    from mmebench.endpoints.sagemaker import cleaning
    from mmebench.privacy import hide_accounts
    from mmebench.units import seconds

    try:
        age = timedelta(seconds=seconds(older_than))
    except ValueError as error:
        raise BadInputError(f"--older-than: {error}") from None
    places, profile = _places(spec, regions, profile)
    done = cleaning.clean(
        places, age, dry_run, lambda message: click.echo(hide_accounts(message), err=True), run, profile
    )
    for resource in done.deleted:
        click.echo(hide_accounts(f"{'would delete' if dry_run else 'deleted'} {resource}"))
    for resource, reason in done.kept.items():
        click.echo(hide_accounts(f"kept {resource}: {reason}"))
    if not done.deleted and not done.failed:
        click.echo("nothing to delete")
    for resource, reason in done.failed.items():
        say(CleanUpError(f"{resource} is still there: {reason}"))
    return CleanUpError.exit_code if done.failed else 0


def _places(path: Path | None, regions: tuple[str, ...], profile: str | None) -> "tuple[list[Place], str | None]":
    """The spec's region and bucket, and the regions asked for, or else the session's region; and whose session."""
    from mmebench.aws_settings import open_session
    from mmebench.cli.sagemaker import read_spec
    from mmebench.endpoints.sagemaker.cleaning import Place

    places = [Place(region) for region in regions]
    if path is not None:
        changed = () if profile is None else (f"endpoint.profile={profile}",)
        _, endpoint, _ = read_spec(path, changed)
        profile = endpoint.profile
        places.append(Place(endpoint.region, ((endpoint.bucket, endpoint.prefix),)))
    if not places:
        region = open_session(profile).get_config_variable("region")
        if region is None:
            raise BadInputError("no region to look in; give --region, a SPEC, or set AWS_REGION")
        places.append(Place(region))
    return places, profile
