"""The client beside the load, in surroundings that are set up for something else than the endpoint at hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmebench.endpoints.local import LocalEndpoint, start
from mmebench.spec import LocalEndpoint as Spec
from mmebench.wire.runtime import RuntimeClient
from support.contract_server import ContractServer, offset_archive


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoint]:
    folder = tmp_path_factory.mktemp("runtime")
    (folder / "store").mkdir()
    offset_archive(folder / "store" / "a.tar.gz", 5)
    with ContractServer() as container:
        spec = Spec.model_validate({"container": container.url, "model_directory": folder / "models"})
        with start(spec, folder / "store", folder / "serve.log") as endpoint:
            yield endpoint


def ask(endpoint: LocalEndpoint) -> bytes:
    client = RuntimeClient(endpoint)
    try:
        return client.invoke("a.tar.gz", b"[1]", "application/json")[0]
    finally:
        client.close()


def test_no_proxy_comes_between_this_machine_and_itself(
    endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(endpoint) == b"[8.0]"
    counters = endpoint.counters()
    assert counters is not None
    assert counters.successes > 0


def test_what_is_set_up_for_aws_does_not_matter_to_an_endpoint_on_this_machine(
    endpoint: LocalEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[default\n")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "config"))
    assert ask(endpoint) == b"[8.0]"
    monkeypatch.setenv("AWS_PROFILE", "mistyped")
    assert ask(endpoint) == b"[8.0]"
