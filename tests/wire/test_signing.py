import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from mmebench.wire.signing import Credentials, Signer

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "sigv4-vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_published_vectors(vector: dict[str, Any]) -> None:
    url = urlsplit(vector["url"])
    credentials = Credentials(vector["access_key"], vector["secret_key"], vector["session_token"])
    signed = Signer(credentials, vector["region"], url.netloc).sign(
        url.path,
        vector["headers_in"],
        hashlib.sha256(bytes.fromhex(vector["body_hex"])).hexdigest(),
        datetime.strptime(vector["time"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
    )
    assert signed["Authorization"] == vector["authorization"]
    assert signed["X-Amz-Date"] == vector["x_amz_date"]
    assert signed.get("X-Amz-Security-Token") == vector["x_amz_security_token"]


visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
names = st.sampled_from(
    ["Content-Type", "X-Amzn-SageMaker-Target-Model", "X-Amzn-SageMaker-Inference-Id", "Accept"]
)
# Spaces inside a header value are folded when it is signed.
spaced = st.lists(visible, min_size=1, max_size=4).map("  ".join)


@given(
    headers=st.dictionaries(names, spaced, max_size=5),
    # A name of dots alone would be taken for a step in the path; SageMaker has no such names.
    endpoint=visible.filter(lambda name: set(name) != {"."}),
    body=st.binary(max_size=100),
    token=st.none() | visible,
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
)
def test_equals_botocore(
    headers: dict[str, str], endpoint: str, body: bytes, token: str | None, region: str, moment: datetime
) -> None:
    host, path = f"runtime.sagemaker.{region}.amazonaws.com", f"/endpoints/{quote(endpoint, safe='')}/invocations"
    signer = Signer(Credentials("AKIDEXAMPLE", "secret/with+chars", token), region, host)
    ours = signer.sign(path, headers, hashlib.sha256(body).hexdigest(), moment)

    request = AWSRequest("POST", f"https://{host}{path}", headers=headers, data=body)
    request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
    auth = SigV4Auth(BotoCredentials("AKIDEXAMPLE", "secret/with+chars", token), "sagemaker", region)
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert ours["Authorization"].endswith(f"Signature={signature}")
    assert f"SignedHeaders={auth.signed_headers(auth.headers_to_sign(request))}," in ours["Authorization"]


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(Credentials("AKIDEXAMPLE", "secret", "token"))
    assert "token" not in repr(Credentials("AKIDEXAMPLE", "secret", "token"))
