import json
import sys
from pathlib import Path

import boto3
import pytest

from mmebench.errors import BadInputError
from mmebench.load.client.credentials import find_credentials
from mmebench.load.client.requests import SignedRequests
from mmebench.load.payload.payload import Body
from mmebench.wire.addresses import invocation_path, runtime_url
from mmebench.wire.addressing import address_of
from mmebench.wire.signing import Credentials

REMOTE = "https://runtime.sagemaker.eu-central-1.amazonaws.com"


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-2", "cn-north-1", "cn-northwest-1"])
def test_the_host_is_that_of_botocore(region: str) -> None:
    client = boto3.client(
        "sagemaker-runtime", region_name=region, aws_access_key_id="a", aws_secret_access_key="b"
    )
    assert runtime_url(region) == client.meta.endpoint_url


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2"])
def test_the_fips_host_is_that_of_botocore(region: str) -> None:
    from botocore.config import Config

    client = boto3.client(
        "sagemaker-runtime",
        region_name=region,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(use_fips_endpoint=True),
    )
    assert runtime_url(region, fips=True) == client.meta.endpoint_url


def test_a_path_is_percent_encoded() -> None:
    assert invocation_path("my-endpoint") == "/endpoints/my-endpoint/invocations"
    assert invocation_path("a/b c%") == "/endpoints/a%2Fb%20c%25/invocations"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """botocore finds no credentials but those that a test gives it."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def test_an_endpoint_on_this_machine_needs_none(alone: Path) -> None:
    for url in ("http://127.0.0.1:8080", "http://localhost:1", "https://[::1]:8443"):
        assert find_credentials(url)().access_key == "LOCAL"


def test_without_credentials_the_message_says_what_to_do(alone: Path) -> None:
    with pytest.raises(BadInputError, match="set AWS_PROFILE"):
        find_credentials(REMOTE)


def test_the_provider_chain_with_a_session_token(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert find_credentials(REMOTE)() == Credentials("AKID", "secret", "token")


def test_credentials_that_expire_are_refreshed(alone: Path) -> None:
    """A credential process whose every answer is about to expire, so that botocore asks it again each time."""
    asked = alone / "asked"
    process = alone / "process.py"
    answer = {"Version": 1, "SecretAccessKey": "secret", "SessionToken": "token"}
    process.write_text(
        "import datetime, json, pathlib\n"
        f"asked = pathlib.Path({str(asked)!r})\n"
        "number = int(asked.read_text()) + 1 if asked.exists() else 1\n"
        "asked.write_text(str(number))\n"
        "soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5)\n"
        f"print(json.dumps({json.dumps(answer)} | "
        "{'AccessKeyId': f'AKID{number}', 'Expiration': soon.isoformat()}))\n"
    )
    (alone / "config").write_text(f"[default]\ncredential_process = {sys.executable} {process}\n")
    current = find_credentials(REMOTE)
    first, second = current(), current()
    assert first.session_token == "token"
    assert first.access_key != second.access_key


def test_rotated_credentials_drop_what_was_signed() -> None:
    valid = [Credentials("OLD", "old-secret")]
    requests = SignedRequests(
        REMOTE,
        "eu-central-1",
        {"X-Amzn-SageMaker-Enable-Explanations": "x"},
        [address_of("multi-model", "e", target) for target in ("a.tar.gz", "b.tar.gz")],
        (Body(b"body", "text/plain"), Body(b"b" * 20_000, "text/plain")),
        lambda: valid[0],
    )
    head, rest = requests[0]
    assert rest is None
    assert head.endswith(b"\r\n\r\nbody")
    assert b"Credential=OLD/" in head
    assert b"Host: runtime.sagemaker.eu-central-1.amazonaws.com\r\n" in head
    assert b"x-amzn-sagemaker-enable-explanations;x-amzn-sagemaker-target-model, " in head
    assert requests[0] is requests[0], "signed once in a second"
    valid[0] = Credentials("NEW", "new-secret", "new-token")
    requests.renew()
    head, _ = requests[0]
    assert b"Credential=NEW/" in head
    assert b"X-Amz-Security-Token: new-token\r\n" in head
    assert b"secret" not in head
    large, body = requests[3]
    assert b"X-Amzn-SageMaker-Target-Model: b.tar.gz\r\n" in large
    assert body is not None
    assert len(body) == 20_000
