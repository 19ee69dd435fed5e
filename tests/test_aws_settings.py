"""AWS settings that cannot be used, wherever they are asked for."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mmebench.cli import cli
from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.endpoints.sagemaker.session import session_region
from mmebench.errors import BadInputError, MmebenchError
from mmebench.load.client.credentials import find_credentials
from mmebench.server.memory.s3 import S3Archives
from mmebench.wire.runtime import RuntimeClient
from mmebench.wire.verification import SignatureCheck

URL = "https://runtime.sagemaker.eu-central-1.amazonaws.com"


def ask_clean() -> object:
    return cli.main(["clean"], standalone_mode=False)  # click keeps the first help that it was asked for


def ask_runtime() -> object:
    return RuntimeClient(
        cast(Any, SimpleNamespace(name="e", url=URL, region="eu-central-1", hosting="multi-model"))
    )


WHO_ASKS: dict[str, Callable[[], object]] = {
    "clean": ask_clean,
    "the region": session_region,
    "the runtime client": ask_runtime,
    "the load": lambda: find_credentials(URL),
    "s3": lambda: S3Archives("s3://bucket/prefix"),
    "sigv4": SignatureCheck.from_environment,
    "sagemaker": lambda: Aws("eu-central-1"),
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those that a test makes; boto3's shared session is made anew."""
    for name in (
        "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)


@pytest.mark.parametrize("who", WHO_ASKS)
def test_a_profile_that_is_not_there(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mistyped")
    with pytest.raises(BadInputError, match=r"profile \(mistyped\) could not be found; correct AWS_PROFILE"):
        WHO_ASKS[who]()


@pytest.mark.parametrize("who", WHO_ASKS)
def test_a_file_that_cannot_be_read(who: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default\n")
    with pytest.raises(BadInputError, match=r"parse config file: .*/config; correct .* ~/.aws/config"):
        WHO_ASKS[who]()


NEED_CREDENTIALS = ["the runtime client", "the load", "s3", "sigv4", "sagemaker"]


@pytest.mark.parametrize("who", NEED_CREDENTIALS)
def test_one_half_of_the_keys(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    with pytest.raises(BadInputError, match="missing: AWS_SECRET_ACCESS_KEY; correct"):
        WHO_ASKS[who]()


SSO = """
sso_session = us
sso_account_id = 123456789012
sso_role_name = role
region = eu-central-1
[sso-session us]
sso_region = eu-central-1
sso_start_url = https://example.com/start
sso_registration_scopes = sso:account:access
"""
OLD_SSO = """
sso_start_url = https://example.com/start
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = role
"""
GIVE_NO_CREDENTIALS = {
    "single sign-on, and nobody has signed in": (SSO, "run `aws sso login --profile mine`"),
    "single sign-on of the older kind": (OLD_SSO, "run `aws sso login --profile mine`"),
    "a program that is not there": ("credential_process = /nowhere/at-all", "No such file.*correct"),
    "a program that fails": ("credential_process = false", "`aws sts get-caller-identity --profile mine` works"),
    "a program that says nothing": ("credential_process = true", "correct"),
    "a token that is not there": (
        "role_arn = arn:aws:iam::123456789012:role/r\nweb_identity_token_file = /nowhere/token",
        "/nowhere/token.*correct",
    ),
    "a role by way of a profile that is not there": (
        "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = other",
        "other.*correct",
    ),
    "a role by way of nothing": ("role_arn = arn:aws:iam::123456789012:role/r", "correct"),
    "a role by way of itself": (
        "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = mine",
        "correct",
    ),
}


@pytest.mark.parametrize("why", GIVE_NO_CREDENTIALS)
@pytest.mark.parametrize("who", NEED_CREDENTIALS)
def test_a_profile_that_gives_no_credentials(
    who: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section, said = GIVE_NO_CREDENTIALS[why]
    (tmp_path / "config").write_text(f"[profile mine]\n{section}\n")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(BadInputError, match=f"AWS settings: .*{said}"):
        WHO_ASKS[who]()


def test_a_profile_of_the_spec_is_named_in_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(f"[profile of-spec]\n{SSO}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for ask in (
        lambda: find_credentials(URL, "of-spec"),
        lambda: Aws("eu-central-1", "of-spec"),
        lambda: RuntimeClient(
            cast(Any, SimpleNamespace(name="e", url=URL, region="eu-central-1", hosting="multi-model")), "of-spec"
        ),
    ):
        with pytest.raises(BadInputError, match="run `aws sso login --profile of-spec`"):
            ask()


def test_the_profile_of_a_spec_is_whom_requests_are_signed_as(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = NOBODY\naws_secret_access_key = x\n"
        "[mine]\naws_access_key_id = MINE\naws_secret_access_key = y\n"
    )
    assert find_credentials(URL)().access_key == "NOBODY"
    assert find_credentials(URL, "mine")().access_key == "MINE"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "SHELL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "z")
    assert find_credentials(URL, "mine")().access_key == "MINE", "a profile that is named goes before the shell"


def test_credentials_that_cannot_be_renewed_any_more(tmp_path: Path) -> None:
    """As after some hours of a single sign-on: found when the load begins, and gone in the middle of it."""
    answers = tmp_path / "answer.json"
    soon = datetime.now(UTC) + timedelta(minutes=5)  # so that it is asked again each time
    answers.write_text(
        json.dumps({"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "s", "Expiration": soon.isoformat()})
    )
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {answers}\n")
    current = find_credentials(URL)
    assert current().access_key == "A"
    answers.unlink()
    with pytest.raises(MmebenchError, match="the credentials have expired and cannot be renewed") as caught:
        current()
    assert caught.value.exit_code == 3
