import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import cloud


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
