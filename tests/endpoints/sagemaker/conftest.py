import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import cloud
from support.contract_server import ContractServer
from support.sagemaker_runtime import sagemaker_runtime
from support.serving import serving


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with cloud.moto_server() as url:
        yield url


@pytest.fixture
def account(moto_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An empty account, in an environment in which boto3 and its journals find it; the URL of it."""
    cloud.reset(moto_url)
    for name, value in cloud.environment(moto_url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return moto_url


@pytest.fixture
def runtime(account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """InvokeEndpoint that works."""
    with ContractServer() as container:
        options = ("--container", container.url, "--model-directory", str(tmp_path / "held"))
        with (
            serving(f"s3://{cloud.BUCKET}", tmp_path / "serve.log", *options) as local,
            sagemaker_runtime(account, local.url) as url,
        ):
            monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
            yield url
