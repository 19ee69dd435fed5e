"""Who reaches a local endpoint: programs that ask its router, and nobody else, nor by another way."""

import http.client
import http.server
import os
import re
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from mmebench.endpoints.local import LocalEndpoint, start
from mmebench.spec import LocalEndpoint as Spec
from support.browsers import chromium
from support.invocations import invoke, json_body, runtime_client
from support.tiny_models import expected

BODY = json_body([[1.0, 2.0, 3.0, 4.0]])
ROWS = [[1.0, 2.0, 3.0, 4.0]]
NOBODY = 65534


def processes(endpoint: LocalEndpoint) -> list[psutil.Process]:
    """The router and all that it has started."""
    router = psutil.Process(endpoint.pid)
    return [router, *router.children(recursive=True)]


def listening(endpoint: LocalEndpoint) -> set[tuple[str, int]]:
    """Where any of them listens by TCP."""
    return {
        (connection.laddr.ip, connection.laddr.port)
        for process in processes(endpoint)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def sockets(endpoint: LocalEndpoint) -> list[Path]:
    """The Unix sockets of the container, found by its command line, as any other user would look for them."""
    words = [word for process in processes(endpoint) for word in process.cmdline()]
    (run,) = {match[0] for word in words if (match := re.search(r"/[^=]*/mmebench-\w{8}(?=/)", word))}
    return sorted(Path(run, "sockets").iterdir())


def test_nothing_but_the_router_listens_on_a_port(either: LocalEndpoint) -> None:
    address = urlsplit(either.url)
    assert listening(either) == {(address.hostname, address.port)}
    found = sockets(either)
    assert found
    assert all(stat.S_ISSOCK(path.stat().st_mode) for path in found)
    for folder in (found[0].parent, found[0].parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.triton
def test_another_user_reaches_neither_sockets_nor_shared_memory(endpoint: LocalEndpoint) -> None:
    invoke(runtime_client(endpoint.url), "onnx.tar.gz", ROWS)
    run = sockets(endpoint)[0].parent.parent
    regions = list(Path("/dev/shm").glob(f"{run.name}-*"))
    assert set(map(mode, regions)) - {None} == {0o600}
    if os.geteuid() == 0:  # only root can try
        paths = [*sockets(endpoint), *regions]
        found = dict(zip(paths, as_nobody(paths), strict=True))
        lasting = {path for path in paths if mode(path) is not None}
        assert lasting > set(sockets(endpoint))
        assert {found[path] for path in lasting} == {"PermissionError"}
        assert "reached" not in found.values()


def mode(path: Path) -> int | None:
    """None of what is there no more: Triton drops regions of its own while it runs."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def as_nobody(paths: list[Path]) -> list[str]:
    """What another user gets who connects to these sockets, or reads these files."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        found = []
        for path in paths:
            try:
                if path.parent.name == "sockets":
                    socket.socket(socket.AF_UNIX).connect(str(path))
                else:
                    path.open("rb").close()
                found.append("reached")
            except OSError as error:
                found.append(type(error).__name__)
        os.write(writer, " ".join(found).encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as file:
        found = file.read().split()
    os.waitpid(child, 0)
    return found


@pytest.mark.parametrize("container", [pytest.param("triton", marks=pytest.mark.triton), "python"])
def test_models_see_the_variables_of_the_spec_and_not_our_credentials(
    container: str, archives: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    monkeypatch.setenv("MMEBENCH_TOKEN", "a token")
    (tmp_path / "store").mkdir()
    spec = Spec(container=container, environment={"OMP_NUM_THREADS": "3"})
    with start(spec, tmp_path / "store", tmp_path / "log") as endpoint:
        endpoint.add_targets(archives["onnx"], ["a.tar.gz"])
        assert invoke(runtime_client(endpoint.url), "a.tar.gz", ROWS) == expected(ROWS, 1)
        router, *started = processes(endpoint)
        assert router.environ()["AWS_SECRET_ACCESS_KEY"] == "a secret"
        assert started
        for process in started:
            assert not [name for name in process.environ() if name.startswith(("AWS_", "MMEBENCH_"))]
            assert process.environ()["OMP_NUM_THREADS"] == "3"


def ask(endpoint: LocalEndpoint, path: str = "", **headers: str) -> tuple[int, str]:
    """Status and error type of a POST to a target, or of a GET of ``path``."""
    connection = http.client.HTTPConnection(urlsplit(endpoint.url).netloc, timeout=20)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if path:
        connection.request("GET", path, headers=headers)
    else:
        target = {"X-Amzn-SageMaker-Target-Model": "onnx.tar.gz"}
        connection.request("POST", "/endpoints/local/invocations", BODY, target | headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers.get("x-amzn-ErrorType", "")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Host": "evil.example"},
        {"Host": "evil.example:8080"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "192.0.2.1"},
        {"Host": "[::1"},
        {"Host": "localhost/.evil.example"},
        {"Host": "evil.example\\@localhost"},
        {"Host": "[::1].evil.example"},
        {"Origin": "http://localhost@evil.example"},
        {"Host": ""},
        {"Sec_Fetch_Site": "cross-site"},
    ],
    ids=str,
)
def test_what_a_page_of_another_site_can_send_is_refused(fallback: LocalEndpoint, headers: dict[str, str]) -> None:
    refused = (403, "AccessDeniedException")
    assert ask(fallback, **headers) == refused
    assert ask(fallback, Content_Type="text/plain", **headers) == refused
    assert ask(fallback, "/metrics", **headers) == refused
    assert ask(fallback, "/ping", **headers) == refused


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"Host": "LOCALHOST:1"},
        {"Host": "mme.localhost:80"},
        {"Host": "[::1]:80"},
        {"Host": "127.0.0.2"},
        {"Origin": "http://localhost:3000"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "same-origin"},
    ],
    ids=str,
)
def test_this_machine_may_ask_by_any_of_its_names(fallback: LocalEndpoint, headers: dict[str, str]) -> None:
    assert ask(fallback, **headers) == (200, "")
    assert ask(fallback, "/metrics", **headers) == (200, "")


class Page(http.server.BaseHTTPRequestHandler):
    """A page of another site; what its script is to do is in the address."""

    def do_GET(self) -> None:
        content = b"<!doctype html><title>evil</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


@contextmanager
def another_site() -> Iterator[int]:
    """Its port on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


SEND = """async ([url, mode, target]) => {
  const headers = {"Content-Type": "text/plain"};
  if (target) headers["X-Amzn-SageMaker-Target-Model"] = target;
  try {
    const answer = await fetch(url, {method: "POST", mode, headers, body: "{}"});
    return answer.status + " " + await answer.text();
  } catch (error) { return error.name; }
}"""
READ = """async (url) => {
  try { return await (await fetch(url)).text(); } catch (error) { return error.name; }
}"""


@pytest.mark.browser
def test_a_page_in_a_browser_reaches_no_model_and_reads_nothing(fallback: LocalEndpoint) -> None:
    port = urlsplit(fallback.url).port
    before = fallback.counters()
    assert before is not None
    with another_site() as site, chromium("--host-resolver-rules=MAP *.example 127.0.0.1") as browser:
        page = browser.new_page()
        page.goto(f"http://evil.example:{site}/")
        invocations = f"{fallback.url}/endpoints/local/invocations"
        # Sent without a preflight, and with one because of the header.
        assert page.evaluate(SEND, [invocations, "no-cors", ""]) == "0 ", "it sees nothing of the refusal"
        assert page.evaluate(SEND, [invocations, "cors", "onnx.tar.gz"]) == "TypeError"
        assert page.evaluate(READ, f"{fallback.url}/metrics") == "TypeError"
        # The name of its own site leads to the endpoint now: the same origin, for the browser.
        page.goto(f"http://rebound.example:{port}/endpoints/local")
        assert "AccessDenied" not in page.content()
        assert "not this machine" in page.content()
        sent = page.evaluate(SEND, ["/endpoints/local/invocations", "same-origin", "onnx.tar.gz"])
        assert sent.startswith("403")
        assert "Container" not in page.evaluate(READ, "/endpoints/local")
    after = fallback.counters()
    assert after is not None
    refused = after.invocation_4xx_errors - before.invocation_4xx_errors
    assert after.invocations - before.invocations == refused == 2, "the third was not even sent"
