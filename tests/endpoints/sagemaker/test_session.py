"""What a spec leaves to the session: region, role and bucket."""

import json
from pathlib import Path
from typing import Any

import pytest

from mmebench.endpoints.opener import opener_of
from mmebench.endpoints.sagemaker import session
from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.endpoints.sagemaker.policy import caller_policy
from mmebench.endpoints.sagemaker.session import make_default_bucket, with_session_defaults
from mmebench.errors import BadInputError
from mmebench.spec import SageMakerEndpoint as Spec
from support import cloud

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
BUCKET = f"sagemaker-us-east-1-{cloud.ACCOUNT}"


def spec(**fields: Any) -> Spec:
    prices = {"ml.g5.xlarge": 1.0}
    return Spec.model_validate({"kind": "sagemaker", "instance_type": "ml.g5.xlarge", "prices": prices} | fields)


def assume(account: str, monkeypatch: pytest.MonkeyPatch, name: str, path: str = "/") -> str:
    """Have the credentials of a role in the environment; its ARN."""
    arn = cloud.client("iam", account).create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST)
    role = str(arn["Role"]["Arn"])
    given = cloud.client("sts", account).assume_role(RoleArn=role, RoleSessionName="notebook")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", given["SessionToken"])
    return role


def test_the_role_of_the_credentials_and_the_bucket_of_their_account(
    account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = assume(account, monkeypatch, "Analyst", "/team/")
    found = with_session_defaults(spec())
    assert (found.role, found.region, found.bucket) == (role, "us-east-1", BUCKET)


def test_the_role_of_the_notebook_goes_first(
    account: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    noted = tmp_path / "resource-metadata.json"
    noted.write_text(json.dumps({"ResourceName": "n", "ExecutionRoleArn": cloud.ROLE}))
    monkeypatch.setattr(session, "_NOTEBOOK", noted)
    assert with_session_defaults(spec()).role == cloud.ROLE


def test_a_user_is_asked_for_a_role(account: str) -> None:
    with pytest.raises(BadInputError, match=r"endpoint\.role: got none, and the credentials are of a user"):
        with_session_defaults(spec())


def test_the_region_is_the_sessions_where_it_has_one(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    found = with_session_defaults(spec(role=cloud.ROLE))
    assert (found.region, found.bucket) == ("eu-central-1", f"sagemaker-eu-central-1-{cloud.ACCOUNT}")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert with_session_defaults(spec(role=cloud.ROLE)).region == "us-east-1"


def test_what_is_given_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    given = spec(role=cloud.ROLE, bucket=cloud.BUCKET, region="us-west-2")
    assert with_session_defaults(given) == given


def test_the_default_bucket_is_made_and_no_other(account: str) -> None:
    s3 = cloud.client("s3", account)
    own = with_session_defaults(spec(role=cloud.ROLE))
    for _ in range(2):  # made once, found the second time
        opener_of(own).prepare(own)
    assert BUCKET in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    with pytest.raises(BadInputError, match="there is no such bucket"):
        opener_of(own).prepare(own.model_copy(update={"bucket": "not-there"}))
    far = own.model_copy(update={"region": "eu-west-1", "bucket": f"sagemaker-eu-west-1-{cloud.ACCOUNT}"})
    make_default_bucket(Aws("eu-west-1"), far)
    assert s3.get_bucket_location(Bucket=far.bucket)["LocationConstraint"] == "eu-west-1"


def test_the_policy_allows_to_make_the_default_bucket_only() -> None:
    own = json.dumps(caller_policy(spec(role=cloud.ROLE, region="us-east-1", bucket=BUCKET), False))
    other = json.dumps(caller_policy(spec(role=cloud.ROLE, region="us-east-1", bucket="mine"), False))
    assert "s3:CreateBucket" in own
    assert "s3:CreateBucket" not in other
