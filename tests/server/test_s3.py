"""Archives in S3, served by moto over HTTP."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from support.contract_server import ContractServer, offset_archive
from support.invocations import invoke, runtime_client
from support.serving import Serving, refusal, serving
from support.tiny_models import expected, onnx_archive

VALUES = [[1.0, 2.0, 3.0, 4.0]]


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(moto: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client, and an environment in which boto3 finds the same S3."""
    urllib.request.urlopen(urllib.request.Request(f"{moto}/moto-api/reset", method="POST")).close()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    return client


@pytest.fixture
def container() -> Iterator[ContractServer]:
    with ContractServer(room=1) as server:
        yield server


@pytest.fixture
def served(s3: Any, container: ContractServer, tmp_path: Path) -> Iterator[Serving]:
    """``s3://models/prod``, before a container that has room for one target; 1 MB of disk."""
    options = ("--container", container.url, "--model-directory", str(tmp_path / "held"), "--disk", "1MB")
    with serving("s3://models/prod", tmp_path / "serve.log", *options) as one:
        yield one


def upload(s3: Any, tmp_path: Path, key: str, offset: float) -> None:
    archive = tmp_path / f"{offset}.tar.gz"
    s3.upload_file(str(archive if archive.exists() else offset_archive(archive, offset)), "models", key)


def ask(served: Serving, target: str) -> float:
    answer = runtime_client(served.url).invoke_endpoint(
        EndpointName="local", TargetModel=target, Body=b"[0]", ContentType="application/json"
    )
    (value,) = json.loads(answer["Body"].read())
    return float(value)


@pytest.mark.triton
def test_triton_serves_what_is_in_s3(s3: Any, tmp_path: Path) -> None:
    s3.upload_file(str(onnx_archive(tmp_path / "a.tar.gz", 4)), "models", "team/a.tar.gz")
    with serving("s3://models", tmp_path / "serve.log", "--container", "triton") as endpoint:
        client = runtime_client(endpoint.url)
        for _ in range(2):
            assert invoke(client, "team/a.tar.gz", VALUES) == expected(VALUES, 4)


def test_archives_come_and_change_while_it_serves(s3: Any, served: Serving, tmp_path: Path) -> None:
    client = runtime_client(served.url)
    assert "holds no archive yet" not in served.log.read_text()
    with pytest.raises(client.exceptions.ValidationError, match=r"no archive 'a\.tar\.gz'"):
        ask(served, "a.tar.gz")
    upload(s3, tmp_path, "prod/a.tar.gz", 1)
    upload(s3, tmp_path, "prod/team x/b.tar.gz", 2)
    upload(s3, tmp_path, "other/c.tar.gz", 3)
    assert ask(served, "a.tar.gz") == 1
    assert ask(served, "team x/b.tar.gz") == 2  # and a is evicted
    upload(s3, tmp_path, "prod/a.tar.gz", 9)
    assert ask(served, "a.tar.gz") == 9
    for target in ("../other/c.tar.gz", "c.tar.gz", "/other/c.tar.gz"):
        with pytest.raises(client.exceptions.ValidationError):
            ask(served, target)


def test_what_is_on_disk_is_not_downloaded_again(s3: Any, served: Serving, tmp_path: Path) -> None:
    for number in range(2):
        upload(s3, tmp_path, f"prod/{number}.tar.gz", number)
    for number in (0, 1, 0, 1):
        assert ask(served, f"{number}.tar.gz") == number
    assert served.log.read_text().count("unpacked ") == 2
    assert not list((tmp_path / "held").rglob(".download*"))


def test_the_disk_keeps_its_budget(s3: Any, served: Serving, tmp_path: Path, container: ContractServer) -> None:
    """Three archives of 400 KB come and go on 1 MB."""
    for number in range(3):
        folder = tmp_path / f"large{number}"
        folder.mkdir()
        archive = offset_archive(folder / "a.tar.gz", number, padding=400_000)
        s3.upload_file(str(archive), "models", f"prod/{number}.tar.gz")
    for number in (0, 1, 2, 0, 1, 2):
        assert ask(served, f"{number}.tar.gz") == number
    held = list((tmp_path / "held" / "unpacked").iterdir())
    assert len(held) == 2
    assert "removed unpacked archive" in served.log.read_text()


def test_a_damaged_object(s3: Any, served: Serving) -> None:
    s3.put_object(Bucket="models", Key="prod/bad.tar.gz", Body=b"no archive")
    client = runtime_client(served.url)
    with pytest.raises(client.exceptions.ValidationError, match="damaged, or not a gzipped tar"):
        ask(served, "bad.tar.gz")


def test_s3_says_no_while_it_serves(s3: Any, served: Serving, tmp_path: Path, moto: str) -> None:
    upload(s3, tmp_path, "prod/a.tar.gz", 1)
    client = runtime_client(served.url)
    enforce_authentication(moto)
    try:
        with pytest.raises(client.exceptions.ValidationError, match="access denied"):
            ask(served, "a.tar.gz")
    finally:
        enforce_authentication(moto, after=1_000_000)
    assert ask(served, "a.tar.gz") == 1


@pytest.mark.slow
def test_what_cannot_be_served_is_refused_with_one_message(s3: Any, moto: str, tmp_path: Path) -> None:
    assert "there is no bucket nothing; check its name" in refusal("s3://nothing/prefix")
    assert "no bucket; give s3://bucket/prefix" in refusal("s3://")
    environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path)}
    assert "no AWS credentials; set AWS_PROFILE" in refusal("s3://models", environment=environment)
    assert "Could not connect" in refusal("s3://models", environment={"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"})
    assert "Invalid endpoint: nonsense" in refusal("s3://models", environment={"AWS_ENDPOINT_URL_S3": "nonsense"})
    enforce_authentication(moto)
    try:
        assert "access denied" in refusal("s3://models/prod")
    finally:
        enforce_authentication(moto, after=1_000_000)


def enforce_authentication(moto: str, after: int = 0) -> None:
    """moto checks keys, of which it knows none, after so many requests."""
    request = urllib.request.Request(
        f"{moto}/moto-api/reset-auth", str(after).encode(), {"Content-Type": "text/plain"}, method="POST"
    )
    urllib.request.urlopen(request).close()
