"""The archives of one run in S3: uploaded once, copied there, and only if the bucket is whose it should be."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from mmebench.endpoints.sagemaker.aws import Aws, AwsError, calling
from mmebench.errors import BadInputError
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint

_SINGLE_COPY = 5 * 1024**3
"""Bytes that one CopyObject takes; more goes in parts."""
_DELETE_AT_ONCE = 1000
_COPIES_AT_ONCE = 8


class RunObjects:
    """Everything of a run is below ``s3://bucket/prefix/run/``; its targets below ``targets/`` there."""

    def __init__(self, aws: Aws, spec: SageMakerEndpoint, run: str, tags: dict[str, str]) -> None:
        self._aws = aws
        self.bucket = spec.bucket
        self.prefix = f"{spec.prefix}/{run}/"
        self._owner = {"ExpectedBucketOwner": spec.account}
        key = {"SSEKMSKeyId": spec.kms_key} if spec.kms_key else {}
        self._written = {"ServerSideEncryption": "aws:kms" if spec.kms_key else "AES256"} | key
        self._tagging = urlencode(tags)
        self._uploaded: dict[Path, str] = {}
        self._targets: set[str] = set()

    @property
    def url(self) -> str:
        """Of everything."""
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def targets_url(self) -> str:
        """What a target is relative to; ``ModelDataUrl``."""
        return f"{self.url}targets/"

    def upload(self, path: Path, name: str) -> str:
        """Write a file; returns its URL.

        Raises:
            AwsError: it could not be written.
        """
        key = f"{self.prefix}{name}"
        with calling(f"upload {path.name} to s3://{self.bucket}/{key}"):
            self._aws.s3.upload_file(
                str(path), self.bucket, key, ExtraArgs=self._written | self._owner | {"Tagging": self._tagging}
            )
        return f"s3://{self.bucket}/{key}"

    def download(self, name: str, path: Path) -> None:
        """Read an object into a file.

        Raises:
            AwsError: there is no such object, or it could not be read.
        """
        key = f"{self.prefix}{name}"
        with calling(f"download s3://{self.bucket}/{key}"):
            self._aws.s3.download_file(self.bucket, key, str(path), ExtraArgs=self._owner)

    def add_targets(self, archive: Path, targets: Iterable[str]) -> None:
        """Upload ``archive`` the first time it is given; each target is a copy that S3 makes itself.

        A target that is there already stays as it is: SageMaker may go on serving what a key held before.
        """
        source = self._uploaded.get(archive)
        if source is None:
            source = f"archives/{len(self._uploaded)}-{archive.name}"
            self.upload(archive, source)
            self._uploaded[archive] = source
        single = archive.stat().st_size <= _SINGLE_COPY
        new = [target for target in dict.fromkeys(targets) if target not in self._targets]
        copy = partial(self._copy, f"{self.prefix}{source}", single=single)
        with ThreadPoolExecutor(_COPIES_AT_ONCE) as threads:
            list(threads.map(copy, [f"{self.prefix}targets/{target}" for target in new]))
        self._targets.update(new)

    def remove_targets(self, targets: Iterable[str]) -> None:
        """Delete them; one that is not there is as good as deleted."""
        gone = list(targets)
        objects = [{"Key": f"{self.prefix}targets/{target}"} for target in gone]
        for failure in delete_objects(self._aws, self.bucket, objects):
            raise AwsError(failure, "", failure)
        self._targets.difference_update(gone)

    def _copy(self, source: str, key: str, single: bool) -> None:
        origin = {"Bucket": self.bucket, "Key": source}
        with calling(f"copy s3://{self.bucket}/{source} to {key}"):
            extra = self._written | self._owner | {"TaggingDirective": "REPLACE", "Tagging": self._tagging}
            if single:
                owner = self._owner["ExpectedBucketOwner"]
                self._aws.s3.copy_object(
                    Bucket=self.bucket, Key=key, CopySource=origin, ExpectedSourceBucketOwner=owner, **extra
                )
            else:  # which takes no owner of the source; it is the same bucket
                self._aws.s3.copy(origin, self.bucket, key, ExtraArgs=extra)


def check_bucket(aws: Aws, spec: SageMakerEndpoint) -> None:
    """Refuse a bucket that is not there, not in the endpoint's region, or not whose it should be.

    Raises:
        BadInputError: any of these. AwsError: AWS does not answer.
    """
    what = f"endpoint.bucket: {spec.bucket}"
    try:
        with calling(what):
            found = aws.s3.head_bucket(Bucket=spec.bucket, ExpectedBucketOwner=spec.account)
    except AwsError as error:
        if error.code in ("403", "AccessDenied"):
            raise BadInputError(
                f"{what}: access denied; either the credentials lack s3:ListBucket, or the bucket is not of "
                "the account of endpoint.role (endpoint.bucket_owner names another one)"
            ) from None
        if error.missing or error.code in ("301", "400"):
            raise BadInputError(str(error)) from None
        raise
    region = found.get("BucketRegion") or spec.region
    if region != spec.region:
        raise BadInputError(f"{what} is in {region}, endpoint.region is {spec.region}; both must be the same")


def list_versions(aws: Aws, bucket: str, prefix: str) -> Iterator[dict[str, str]]:
    """Everything below a prefix, also what a bucket with versions keeps of what was deleted, as it is deleted by.

    Raises:
        AwsError: it cannot be listed.
    """
    with calling(f"list s3://{bucket}/{prefix}"):
        for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            for item in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield {"Key": item["Key"], "VersionId": item["VersionId"]}


def delete_objects(aws: Aws, bucket: str, objects: list[dict[str, str]]) -> list[str]:
    """Delete them, a thousand a call, going on past what cannot be deleted; returns what went wrong.

    Args:
        aws: of the bucket's region.
        bucket: where they are.
        objects: each with its ``Key``, and with a ``VersionId`` where nothing is to be left of it.
    """
    failures = []
    for first in range(0, len(objects), _DELETE_AT_ONCE):
        some = objects[first : first + _DELETE_AT_ONCE]
        try:
            with calling(f"delete {len(some)} objects of s3://{bucket}"):
                answer = aws.s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
            failures += [
                f"delete s3://{bucket}/{error.get('Key')}: {error.get('Message')}"
                for error in answer.get("Errors", [])
            ]
        except AwsError as error:
            failures.append(str(error))
    return failures


def abort_uploads(aws: Aws, bucket: str, prefix: str) -> None:
    """Abort uploads in parts that were never completed; their parts cost as much as objects.

    Raises:
        AwsError: they cannot be listed or aborted.
    """
    with calling(f"abort uploads to s3://{bucket}/{prefix}"):
        answer: dict[str, Any] = aws.s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
        for upload in answer.get("Uploads", []):
            if upload["Key"].startswith(prefix):
                aws.s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
