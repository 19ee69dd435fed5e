"""Signatures that the endpoint checks: made by boto3, by our own signer, and by neither."""

import hashlib
import http.client
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from mmebench.endpoints.counters import read_counters
from mmebench.wire.signing import Credentials, Signer
from support.contract_server import ContractServer, offset_archive
from support.serving import Serving, refusal, serving

KEYS = {"AWS_ACCESS_KEY_ID": "AKIALOCAL", "AWS_SECRET_ACCESS_KEY": "sesame"}
PATH = "/endpoints/local/invocations"
BODY = b"[1, 2]"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("signed")
    (folder / "store").mkdir()
    offset_archive(folder / "store" / "a.tar.gz", 5)
    with ContractServer() as container:
        options = ("--container", container.url, "--model-directory", str(folder / "models"), "--require-sigv4")
        with serving(folder / "store", folder / "serve.log", *options, **KEYS) as one:
            yield one


def invoke(served: Serving, body: Any = BODY, **keys: str) -> Any:
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=served.url,
        region_name="eu-central-1",
        config=Config(retries={"total_max_attempts": 1}),
        **{"aws_access_key_id": "AKIALOCAL", "aws_secret_access_key": "sesame"} | keys,
    )
    answer = client.invoke_endpoint(
        EndpointName="local",
        TargetModel="a.tar.gz",
        Body=body,
        ContentType="application/json",
        CustomAttributes="some   spaces, and a comma",
    )
    return json.loads(answer["Body"].read())


def test_boto3_with_the_right_keys(served: Serving) -> None:
    assert invoke(served) == [8.0, 11.0]
    numbers = [float(number) for number in range(60_000)]  # more than one read
    assert invoke(served, json.dumps(numbers).encode()) == [3 * number + 5 for number in numbers]


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"aws_access_key_id": "AKIAOTHER"}, "UnrecognizedClientException"),
        ({"aws_secret_access_key": "open"}, "InvalidSignatureException"),
        ({"aws_session_token": "token"}, "UnrecognizedClientException"),
    ],
)
def test_boto3_with_other_keys(served: Serving, keys: dict[str, str], code: str) -> None:
    before = read_counters(served.url)
    with pytest.raises(ClientError) as caught:
        invoke(served, **keys)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    after = read_counters(served.url)
    assert after.invocation_4xx_errors - before.invocation_4xx_errors == 1
    assert f"403 {code}" in served.log.read_text()


class Signed:
    """A request that our load client would send, to be spoilt."""

    def __init__(self, served: Serving, skew: timedelta = timedelta()) -> None:
        self.host = urlsplit(served.url).netloc
        signer = Signer(Credentials("AKIALOCAL", "sesame"), "us-east-1", self.host)
        headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Target-Model": "a.tar.gz"}
        self.headers = signer.sign(PATH, headers, hashlib.sha256(BODY).hexdigest(), datetime.now(UTC) + skew)
        self.body = BODY

    def send(self) -> tuple[int, str, str]:
        """Status, code and message."""
        connection = http.client.HTTPConnection(self.host, timeout=10)
        connection.request("POST", PATH, self.body, self.headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        message = body["Message"] if isinstance(body, dict) else ""
        return answer.status, answer.headers.get("x-amzn-ErrorType", ""), message


def test_our_own_signer(served: Serving) -> None:
    assert Signed(served).send() == (200, "", "")
    assert Signed(served, timedelta(minutes=-4.5)).send()[0] == 200


def test_a_stale_date(served: Serving) -> None:
    status, code, message = Signed(served, timedelta(minutes=-5.5)).send()
    assert (status, code) == (403, "InvalidSignatureException")
    assert re.fullmatch(r"Signature expired: \w+ is now earlier than \w+ \(\w+ - 5 min\.\)", message)
    status, code, message = Signed(served, timedelta(minutes=5.5)).send()
    assert (status, code) == (403, "InvalidSignatureException")
    assert message.startswith("Signature not yet current")


def test_a_tampered_body(served: Serving) -> None:
    request = Signed(served)
    request.body = b"[1, 3]"
    assert request.send()[:2] == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("X-Amzn-SageMaker-Target-Model", "b.tar.gz", "InvalidSignatureException"),
        ("X-Amzn-SageMaker-Custom-Attributes", "unsigned", "InvalidSignatureException"),
        ("X-Amz-Date", "20200101T000000Z", "InvalidSignatureException"),
        ("X-Amz-Date", "yesterday", "IncompleteSignatureException"),
        ("Authorization", "Basic aGk6aGk=", "IncompleteSignatureException"),
        ("Authorization", None, "MissingAuthenticationTokenException"),
    ],
)
def test_a_tampered_head(served: Serving, header: str, value: str | None, code: str) -> None:
    request = Signed(served)
    if value is None:
        del request.headers[header]
    else:
        request.headers[header] = value
    assert request.send()[:2] == (403, code)


def test_another_service(served: Serving) -> None:
    request = Signed(served)
    request.headers["Authorization"] = request.headers["Authorization"].replace("/sagemaker/", "/s3/")
    status, code, message = request.send()
    assert (status, code) == (403, "InvalidSignatureException")
    assert "correct service: 'sagemaker'" in message


def test_what_is_no_invocation_needs_no_signature(served: Serving) -> None:
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=10)
    for path in ("/ping", "/metrics", "/endpoints/local"):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


@pytest.mark.slow
def test_no_credentials_to_check_with(tmp_path: Path) -> None:
    environment = {"AWS_ACCESS_KEY_ID": "", "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    said = refusal(tmp_path, "--require-sigv4", environment=environment)
    assert "--require-sigv4: no credentials to check signatures with; set AWS_ACCESS_KEY_ID" in said
