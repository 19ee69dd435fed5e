"""``mmebench serve`` as a person or a script uses it."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mmebench.endpoints.opener import open_endpoint
from mmebench.errors import BadInputError, MmebenchError
from mmebench.spec import LocalEndpoint
from support.invocations import invoke, runtime_client
from support.tiny_models import expected

pytestmark = pytest.mark.slow

SERVE = [sys.executable, "-m", "mmebench", "serve"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def refused(*arguments: object) -> str:
    result = subprocess.run(
        [*SERVE, *map(str, arguments)], capture_output=True, text=True, timeout=250, check=False
    )
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_missing_directory(tmp_path: Path) -> None:
    assert "no such directory; give the folder" in refused(tmp_path / "nothing")


def test_bad_options(store: Path) -> None:
    assert "--memory: got 'lots'" in refused(store, "--memory", "lots")
    assert "--memory: got '0'" in refused(store, "--memory", "0")
    assert "--name: got 'a_b'" in refused(store, "--name", "a_b")
    assert "--load-concurrency: got '0'" in refused(store, "--load-concurrency", "0")
    assert "'Maybe' is not one of" in refused(store, "--model-cache-setting", "Maybe")
    assert "port" in refused(store, "--port", "70000")
    assert "--log /nowhere/log" in refused(store, "--log", "/nowhere/log")


def test_a_port_in_use(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port}: Address already in use; give another" in refused(store, "--port", port)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_serves_until_a_signal(
    store: Path, tmp_path: Path, archives: dict[str, Path], number: signal.Signals, code: int
) -> None:
    command = [*SERVE, str(store), "--name", "shop", "--container", "python"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("ready ").strip()
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/endpoints/shop/invocations")
        with urllib.request.urlopen(url.removesuffix("/invocations")) as about:
            said = json.load(about)
        os.kill(process.pid, number)
        rest, log = process.communicate(timeout=100)
    finally:
        process.kill()  # which nothing else would end
    assert said == {"EndpointName": "shop", "Container": "python (fallback)", "LoadsAtOnce": 2}
    assert (process.returncode, rest) == (code, "")
    assert "holds no archive yet" in log
    assert "Traceback" not in log


@pytest.mark.triton
def test_without_a_usable_triton_the_fallback_takes_its_place(
    store: Path, tmp_path: Path, archives: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stub that finds no libpython, as on a Debian without that package."""
    monkeypatch.setenv("PYTHONPATH", str(_without_libpython(tmp_path)))
    log = tmp_path / "serve.log"
    with open_endpoint(LocalEndpoint(container="auto"), store, log) as endpoint:
        endpoint.add_targets(archives["onnx"], ["a.tar.gz"])
        assert endpoint.container == "python (fallback)"
        assert invoke(runtime_client(endpoint.url), "a.tar.gz", [[1.0] * 4]) == expected([[1.0] * 4], 1)
    assert "apt-get install libpython3" in log.read_text()
    with pytest.raises(MmebenchError, match=r"Triton's Python stub does not run here: .*libpython"):
        open_endpoint(LocalEndpoint(container="triton"), store, log)


def _without_libpython(tmp_path: Path) -> Path:
    """A sitecustomize that lets the stub fail as the dynamic linker does."""
    message = "error while loading shared libraries: libpython3.so: cannot open shared object file"
    (tmp_path / "sitecustomize.py").write_text(
        "import subprocess\n"
        "run = subprocess.run\n"
        "def fail(command, *rest, **options):\n"
        "    if 'triton_python_backend_stub' in str(command[0]):\n"
        f"        return subprocess.CompletedProcess(command, 127, '', {message!r})\n"
        "    return run(command, *rest, **options)\n"
        "subprocess.run = fail\n"
    )
    return tmp_path


def test_what_serve_refuses_open_endpoint_refuses_too(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no such directory"):
        open_endpoint(LocalEndpoint(), tmp_path / "nothing", tmp_path / "log")


def test_importing_the_room_is_light() -> None:
    """The package is imported in each model's process inside Triton."""
    code = (
        "import sys, mmebench.server.backends.inference, mmebench.endpoints;"
        "heavy = {'torch', 'onnxruntime', 'openvino', 'pydantic', 'boto3', 'pandas', 'tritonclient', 'asyncio'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
