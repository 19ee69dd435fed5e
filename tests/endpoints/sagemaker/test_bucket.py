"""The archives of a run in moto's S3."""

from pathlib import Path
from typing import Any

import pytest

from mmebench.endpoints.sagemaker import bucket
from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.endpoints.sagemaker.bucket import RunObjects
from mmebench.endpoints.sagemaker.deletion import delete
from mmebench.endpoints.sagemaker.names import Resource
from mmebench.spec import SageMakerEndpoint as Spec
from support import cloud

SPEC = Spec.model_validate(cloud.ENDPOINT)
RUN = "mmebench-20260102t030405z-1a2b3c4d"


def add(tmp_path: Path, *targets: str) -> RunObjects:
    archive = tmp_path / "m.tar.gz"
    archive.write_bytes(b"x" * 1000)
    objects = RunObjects(Aws("us-east-1"), SPEC, RUN, {"tool": "mmebench"})
    objects.add_targets(archive, targets)
    return objects


def versions(account: str) -> list[Any]:
    found = cloud.client("s3", account).list_object_versions(Bucket=cloud.BUCKET)
    return [*found.get("Versions", []), *found.get("DeleteMarkers", [])]


def test_an_archive_too_large_for_one_copy_is_copied_in_parts(
    account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "_SINGLE_COPY", 100)
    add(tmp_path, "a.tar.gz", "b.tar.gz")
    s3 = cloud.client("s3", account)
    for name in ("a", "b"):
        key = f"mmebench/{RUN}/targets/{name}.tar.gz"
        assert s3.get_object(Bucket=cloud.BUCKET, Key=key)["Body"].read() == b"x" * 1000
        assert s3.get_object_tagging(Bucket=cloud.BUCKET, Key=key)["TagSet"] == [
            {"Key": "tool", "Value": "mmebench"}
        ]


@pytest.mark.parametrize("versioned", [False, True])
def test_nothing_is_left_of_what_was_deleted(account: str, tmp_path: Path, versioned: bool) -> None:
    """Not even what a bucket with versions keeps, which costs as much as before."""
    s3 = cloud.client("s3", account)
    if versioned:
        s3.put_bucket_versioning(Bucket=cloud.BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=cloud.BUCKET, Key="somebody/elses", Body=b"")
    objects = add(tmp_path, "a.tar.gz", "b.tar.gz")
    objects.remove_targets(["a.tar.gz"])
    assert delete([Resource("objects", objects.url, "us-east-1")], lambda region: Aws(region)) == {}
    assert [version["Key"] for version in versions(account)] == ["somebody/elses"]
