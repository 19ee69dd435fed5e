"""AWS settings that cannot be used, wherever they are asked for."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mmebench.cli.clean import clean
from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.errors import BadInputError
from mmebench.load.client.credentials import find_credentials
from mmebench.server.memory.s3 import S3Archives
from mmebench.wire.runtime import RuntimeClient
from mmebench.wire.verification import SignatureCheck

URL = "https://runtime.sagemaker.eu-central-1.amazonaws.com"


def ask_clean() -> object:
    return clean.main([], standalone_mode=False)


def ask_runtime() -> object:
    return RuntimeClient(cast(Any, SimpleNamespace(name="e", url=URL, region="eu-central-1")))


WHO_ASKS: dict[str, Callable[[], object]] = {
    "clean": ask_clean,
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


@pytest.mark.parametrize("who", ["the runtime client", "the load", "s3", "sigv4"])
def test_one_half_of_the_keys(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    with pytest.raises(BadInputError, match="missing: AWS_SECRET_ACCESS_KEY; correct"):
        WHO_ASKS[who]()
