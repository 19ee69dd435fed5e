"""Cleaning: delete what runs left that died before they could, and nothing that a run still uses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial

from mmebench.endpoints.sagemaker import journal
from mmebench.endpoints.sagemaker.aws import Aws, calling
from mmebench.endpoints.sagemaker.deletion import delete
from mmebench.endpoints.sagemaker.leftovers import IN_USE, Found, find_objects, find_resources, left_on_purpose
from mmebench.endpoints.sagemaker.names import Resource


@dataclass
class Cleaning:
    """What was done, or would be."""

    deleted: list[Resource] = field(default_factory=list)
    kept: dict[Resource, str] = field(default_factory=dict)
    failed: dict[Resource, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where to look: a region, and where in its buckets runs keep their archives."""

    region: str
    buckets: tuple[tuple[str, str], ...] = ()
    """Bucket and prefix."""


def clean(
    places: Iterable[Place],
    older_than: timedelta,
    dry_run: bool,
    progress: Callable[[str], None],
    run: str | None = None,
    profile: str | None = None,
) -> Cleaning:
    """Delete what journals that nobody holds name, and then what is found in ``places``.

    Args:
        places: looked through even where no journal names them.
        older_than: what was created later stays.
        dry_run: only say what would be deleted.
        progress: told what is deleted now.
        run: only what is of this one, also if it was left on purpose; not while it is under way.
        profile: whose credentials are used; those of AWS_PROFILE unless told.

    Raises:
        AwsError: AWS does not let us look; what was found before is deleted.
    """
    now = datetime.now(UTC)
    done = Cleaning()
    aws = lru_cache(maxsize=None)(partial(Aws, profile=profile))

    def remove(resources: list[Resource]) -> bool:
        failed = {} if dry_run else delete(resources, aws, progress)
        done.failed |= failed
        done.deleted += [resource for resource in resources if resource not in failed]
        return not failed

    whose = lru_cache(maxsize=None)(lambda region: _account(aws(region)))
    for left in journal.left_behind():
        if run not in (None, left.run):
            continue
        if left.account is not None and any(left.account != whose(each.region) for each in left.resources):
            done.kept |= dict.fromkeys(left.resources, "these credentials are of another account")
            continue
        if run is None and left.kept_until is not None and left.kept_until > now:
            done.kept |= dict.fromkeys(left.resources, left_on_purpose(left.run, left.kept_until))
            continue
        age = now - datetime.fromtimestamp(left.path.stat().st_mtime, UTC)
        if age < older_than:
            done.kept |= dict.fromkeys(left.resources, "it is younger than that")
        elif remove(left.resources) and not dry_run:
            left.remove()
    for place in places:
        found = list(find_resources(aws(place.region), now))
        for bucket, prefix in place.buckets:
            found += find_objects(aws(place.region), bucket, prefix, now)
        remove(_leftovers(found, now - older_than, done, run))
    return done


def _account(aws: Aws) -> str:
    """The mark of the account that the credentials are of."""
    with calling("ask whose the credentials are"):
        return journal.account_mark(aws.identity.get_caller_identity()["Account"])


def _leftovers(found: list[Found], before: datetime, done: Cleaning, run: str | None) -> list[Resource]:
    """Those of ``found`` to be deleted; the others are noted. Of a run that is named, all that nobody uses."""
    leftovers = []
    for one in dict.fromkeys(found):
        if one.resource in done.deleted or one.resource in done.failed or run not in (None, one.resource.run):
            continue
        kept = one.kept if run is None or one.kept == IN_USE else None
        kept = kept or ("it is younger than that" if one.created > before else None)
        if kept is None:
            leftovers.append(one.resource)
        else:
            done.kept[one.resource] = kept
    return list(dict.fromkeys(leftovers))
