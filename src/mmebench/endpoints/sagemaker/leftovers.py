"""What dead runs left in an account, found without their journals: by name, and judged by tag.

Everything has a name with ``mmebench-`` and the run's expiry in it, and tags that say which process it belongs to.
What that process still uses is never a leftover. Where the process cannot be seen (another machine, or no tags any
more), something is left over once its run must have ended, by its expiry.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mmebench.endpoints.sagemaker import journal
from mmebench.endpoints.sagemaker.aws import Answer, Aws, AwsError, calling
from mmebench.endpoints.sagemaker.names import OWNER_TAG, PREFIX, Kind, Resource, expiry
from mmebench.endpoints.sagemaker.owner import has_ended
from mmebench.endpoints.sagemaker.requests import scalable_target

IN_USE = "a run under way uses it"


@dataclass(frozen=True)
class Found:
    """A resource of some run, and what to think of it."""

    resource: Resource
    created: datetime
    kept: str | None
    """Why it must not be deleted; None: it is a leftover."""


class _List(NamedTuple):
    kind: Kind
    operation: str
    items: str
    noun: str
    arguments: dict[str, str]


_LISTS = (
    _List("endpoint", "list_endpoints", "Endpoints", "Endpoint", {}),
    _List(
        "training-job", "list_training_jobs", "TrainingJobSummaries", "TrainingJob", {"StatusEquals": "InProgress"}
    ),
    _List(
        "processing-job",
        "list_processing_jobs",
        "ProcessingJobSummaries",
        "ProcessingJob",
        {"StatusEquals": "InProgress"},
    ),
    _List("endpoint-config", "list_endpoint_configs", "EndpointConfigs", "EndpointConfig", {}),
    _List("model", "list_models", "Models", "Model", {}),
)


def find_resources(aws: Aws, now: datetime) -> Iterator[Found]:
    """Everything of ours in a region, and for each model the objects in S3 that it was made for.

    Raises:
        AwsError: AWS does not let us look.
    """
    for kind, operation, items, noun, arguments in _LISTS:
        with calling(f"list every {kind} in {aws.region}"):
            pages = aws.sagemaker.get_paginator(operation).paginate(NameContains=PREFIX, **arguments)
            found = [item for page in pages for item in page[items]]
        for item in found:
            resource = Resource(kind, item[f"{noun}Name"], aws.region)
            if resource.run is None:
                continue
            owner = _owner(aws, item[f"{noun}Arn"])
            if owner is None and resource.name != resource.run:
                continue  # somebody's own, called after one of ours
            kept = why_kept(resource.run, owner, now)
            yield Found(resource, item["CreationTime"], kept)
            if kind == "model":
                yield from _objects_of(aws, resource, item["CreationTime"], kept)
            if kind == "endpoint":
                for beside in _on_endpoint(aws, resource):
                    yield Found(beside, item["CreationTime"], kept)


def find_objects(aws: Aws, bucket: str, prefix: str, now: datetime) -> Iterator[Found]:
    """The folders of runs below ``s3://bucket/prefix/``.

    Raises:
        AwsError: AWS does not let us look.
    """
    with calling(f"list s3://{bucket}/{prefix}/"):
        pages = aws.s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"{prefix}/{PREFIX}", Delimiter="/"
        )
        folders = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
        for folder in folders:
            resource = Resource("objects", f"s3://{bucket}/{folder}", aws.region)
            if resource.run is None:
                continue
            for first in aws.s3.list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=1).get("Contents", []):
                owner = _owner_of_object(aws, bucket, first["Key"])
                yield Found(resource, first["LastModified"], why_kept(resource.run, owner, now))


def why_kept(run: str, owner: str | None, now: datetime) -> str | None:
    """Why something of ``run`` must stay; None if nobody can need it any more."""
    if journal.is_live(run):
        return IN_USE
    until = journal.kept_until(run)
    if until is not None:  # the process that left it may go on with something else
        return left_on_purpose(run, until) if until > now else None
    ended = has_ended(owner) if owner else None
    if ended is False:
        return IN_USE
    expires = expiry(run)
    if ended is None and expires is not None and expires > now:
        return f"its run is not of this machine and may go on until {expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return None


def left_on_purpose(run: str, until: datetime) -> str:
    """Why it stays, and how it goes."""
    return (
        f"its spec says keep, until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC; "
        f"mmebench clean --run {run} deletes it now"
    )


def _owner(aws: Aws, arn: str) -> str | None:
    return _unless_hidden(
        f"list the tags of {arn}", lambda: _value(aws.sagemaker.list_tags(ResourceArn=arn)["Tags"])
    )


def _owner_of_object(aws: Aws, bucket: str, key: str) -> str | None:
    return _unless_hidden(
        f"read the tags of s3://{bucket}/{key}",
        lambda: _value(aws.s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]),
    )


def _unless_hidden(what: str, look: Callable[[], Answer | None]) -> Answer | None:
    """None where it is gone by now, or not for these credentials to see; the rest can be looked at anyway."""
    try:
        with calling(what):
            return look()
    except AwsError as error:
        if error.missing or error.denied:
            return None
        raise


def _value(tags: list[dict[str, Any]]) -> str | None:
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == OWNER_TAG), None)


def _objects_of(aws: Aws, model: Resource, created: datetime, kept: str | None) -> Iterator[Found]:
    described = _unless_hidden(
        f"describe model {model.name}", lambda: aws.sagemaker.describe_model(ModelName=model.name)
    )
    parts = urlsplit(str((described or {}).get("PrimaryContainer", {}).get("ModelDataUrl", "")))
    folder, found, _ = parts.path.partition(f"/{model.run}/")
    if found:
        url = f"s3://{parts.netloc}{folder}/{model.run}/"
        yield Found(Resource("objects", url, model.region), created, kept)


def _on_endpoint(aws: Aws, endpoint: Resource) -> Iterator[Resource]:
    """Its inference components, and what has its instances scaled: neither is there without it."""
    name = endpoint.name
    components = _unless_hidden(
        f"list the inference components of {name}",
        lambda: [
            item["InferenceComponentName"]
            for page in aws.sagemaker.get_paginator("list_inference_components").paginate(EndpointNameEquals=name)
            for item in page["InferenceComponents"]
        ],
    )
    yield from (Resource("inference-component", each, endpoint.region) for each in components or ())
    scaled = _unless_hidden(
        f"ask whether {name} is scaled",
        lambda: aws.autoscaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[scalable_target(name)]
        )["ScalableTargets"],
    )
    yield from (Resource("scalable-target", each["ResourceId"], endpoint.region) for each in scaled or ())
