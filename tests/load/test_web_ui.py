"""The live page and Locust's own in a real browser, while a load goes on."""

import socket
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Page

from mmebench.benchmark.web.picture import LivePicture
from mmebench.benchmark.web.server import serve_live_page
from mmebench.errors import BadInputError, MmebenchError
from mmebench.load.locust_pages import LocustPages
from mmebench.load.processes.events import Live
from mmebench.load.processes.process import offer_load
from mmebench.record.run import StageWindow
from mmebench.record.samples import keep_samples
from support.browsers import chromium
from support.free_ports import free_ports
from support.load_run import load_processes, make_job
from support.patience import wait_until
from support.scripted_server import OK, ScriptedServer

pytestmark = pytest.mark.browser


def offer(tmp_path: Path, seconds: int, visit: Callable[[Page], None]) -> list[StageWindow]:
    """Have ``visit`` look at the live page while a load goes on that takes so many seconds."""
    (port,) = free_ports(1)
    stages: list[StageWindow] = []
    failures: list[Exception] = []
    looking, running = threading.Event(), threading.Event()
    picture = LivePicture()
    picture.step("onnx: load 3 targets", float(seconds))

    def look(live: Live) -> None:
        picture.second(live.model_copy(update={"resident": 7, "usd": 0.416}))
        picture.show("2 users", live.elapsed, "stage 1 of 1")
        if live.successes:
            running.set()

    address = ""

    def browse() -> None:
        try:
            with chromium() as browser:
                page = browser.new_page(viewport={"width": 1200, "height": 700})
                looking.set()
                running.wait()
                page.goto(address)
                assert page.url == f"http://127.0.0.1:{port}/", "the key is not shown"
                visit(page)
        except Exception as error:  # told to the test, whose thread is another one
            failures.append(error)
            looking.set()

    visitor = threading.Thread(target=browse)
    visitor.start()
    try:
        with ScriptedServer(lambda n: (0.02, OK)) as server, serve_live_page(picture, port) as live_page:
            address = live_page.url
            workload = {"profile": {"stages": [{"users": 2, "duration": seconds}]}}
            job = make_job(server.port, tmp_path / "samples.arrows", workload, pages=live_page.locust)
            looking.wait()
            offer_load(job, tmp_path / "load", tmp_path / "load.log", look, stages.append)
    finally:
        running.set()
        visitor.join()
        assert failures == []
    return stages


FIGURES = """() => {
  const ids = ["rate", "p50", "p99", "users", "resident", "usd"];
  const known = ids.map((id) => Number(document.getElementById(id).innerText));
  return known.every((figure) => figure > 0) && known;
}"""
"""Of a second in which there were answers; of a busy machine not each has one."""


def figures_of(page: Page) -> list[float]:
    """All of one second."""
    found: list[list[float]] = []

    def look() -> bool:
        found.append(page.evaluate(FIGURES) or [])
        return bool(found[-1])

    wait_until(look)
    return found[-1]


def test_the_live_page_draws_load_and_endpoint_second_by_second(tmp_path: Path) -> None:
    def visit(page: Page) -> None:
        line = page.locator("#rates polyline").first
        wait_until(lambda: page.evaluate("document.querySelector('#rates polyline')?.points.length > 3"))
        assert page.inner_text("h1") == "onnx: load 3 targets"
        assert "stage 1 of 1 · 2 users" in page.inner_text("#now")
        rate, p50, p99, *others = figures_of(page)
        assert 0 < rate <= 102, "two users, 20 ms a request"
        assert 20 <= p50 <= p99
        assert others == [2, 7, 0.416], "users, targets, US dollars"
        drawn = line.get_attribute("points")
        assert page.locator("svg polyline").count() == 5, "rate, failures, p50, p99, targets"
        wait_until(lambda: line.get_attribute("points") != drawn)
        page.get_by_role("link", name="Locust's own pages").click()
        page.wait_for_selector("text=Aggregated")
        assert page.url.endswith("/locust/")

    (stage,) = offer(tmp_path, 25, visit)
    assert stage.client_cpu is not None
    assert stage.client_cpu < 0.5, "the pages are made by other processes than the load"
    assert load_processes() == []


def test_it_is_there_before_and_after_a_load_and_says_what_goes_on() -> None:
    (port,) = free_ports(1)
    picture = LivePicture()
    with serve_live_page(picture, port) as live_page, chromium() as browser:
        picture.step("pt: package", None)
        picture.show("compress 44.7 MiB", None, "")
        picture.say("12:00:00 pt: resnet18, 11.7 M parameters")
        page = browser.new_page()
        host = f"http://127.0.0.1:{port}/"
        page.context.add_cookies([{"name": f"mmebench-{port}", "value": "of an earlier benchmark", "url": host}])
        page.goto(live_page.url)
        page.wait_for_selector("text=compress 44.7 MiB")
        assert "11.7 M parameters" in page.inner_text("#lines")
        picture.step("pt: fill", 2.0)
        picture.show("m-v0.tar.gz loaded in 1.5 s", 1.0, "")
        picture.show_whole("run 1 of 2", 0.25, "about 4 min left")
        page.wait_for_selector("text=in all: run 1 of 2, about 4 min left")
        assert page.evaluate("[share.value, whole.value]") == [0.5, 0.25]
        answer = page.goto(f"http://127.0.0.1:{port}/locust/")
        assert answer is not None
        assert answer.status == 503
        assert "No load goes on now" in page.content()


def test_its_button_stops_the_load_and_what_was_measured_is_kept(tmp_path: Path) -> None:
    def visit(page: Page) -> None:
        page.get_by_role("link", name="Locust's own pages").click()
        page.get_by_role("button", name="Stop").click()

    with pytest.raises(MmebenchError, match="the load stopped after 0 of 1 stages"):
        offer(tmp_path, 120, visit)
    assert keep_samples(tmp_path / "samples.arrows", tmp_path / "samples.parquet") > 20
    wait_until(lambda: load_processes() == [])


EVIL = """<form id=stop method=post action="{ui}/locust/stop"><input name=a></form>
<img src="{ui}/locust/stats/requests">
<script>
  window.read = path => fetch("{ui}" + path).then(answer => answer.text(), error => "not allowed to read");
  window.send = path => fetch("{ui}" + path, {{method: "POST", mode: "no-cors"}}).then(() => "sent", () => "no");
</script>"""


class EvilServer(ThreadingHTTPServer):
    """Somebody else's page, which means the web UI no good."""

    def __init__(self, ui: str) -> None:
        page = EVIL.format(ui=ui).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, format: str, *args: object) -> None: ...

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


# The first is of the same site as the UI, for a browser, though not of the same origin.
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_somebody_else_can_neither_read_it_nor_end_the_load(tmp_path: Path, name: str) -> None:
    answers: list[tuple[str, int]] = []

    def visit(page: Page) -> None:
        page.wait_for_selector("#rates polyline")
        ui = page.url.removesuffix("/")
        with EvilServer(ui) as evil:
            page.on("response", lambda answer: answers.append((answer.url.removeprefix(ui), answer.status)))
            page.goto(f"http://{name}:{evil.server_port}/")
            assert page.evaluate("read('/locust/stats/requests')") == "not allowed to read"
            assert page.evaluate("send('/locust/stop')") == "sent"
            page.evaluate("document.getElementById('stop').submit()")
            page.wait_for_url(f"{ui}/locust/stop")
            assert "allowed: the web UI's own pages" in page.content()
            evil.shutdown()

    (stage,) = offer(tmp_path, 25, visit)
    assert stage.note is None, "the load went on to its end"
    asked = [answer for answer in answers if answer[0] in ("/locust/stop", "/locust/stats/requests")]
    assert {path for path, _ in asked} == {"/locust/stop", "/locust/stats/requests"}
    assert {status for _, status in asked} == {403}
    assert load_processes() == []


def test_another_user_of_the_machine_reads_nothing_and_ends_nothing(tmp_path: Path) -> None:
    """Who has not been told the address; nor does it help to ask Locust's own port."""
    answers: set[tuple[str, int]] = set()

    def visit(page: Page) -> None:
        own = urlsplit(page.url).netloc
        locust = {
            f"127.0.0.1:{listening.laddr.port}"
            for process in load_processes()
            for listening in process.net_connections("tcp")
            if listening.status == psutil.CONN_LISTEN
        }
        assert len(locust) > 1, "its pages and its workers' port"
        for netloc in (own, *locust):
            for method, path in (
                ("GET", "/"), ("GET", "/?key=a"), ("GET", "/live"), ("GET", "/locust/"), ("GET", "/locust/stop"),
                ("POST", "/locust/swarm"),
            ):  # fmt: skip
                connection = HTTPConnection(netloc, timeout=2)
                try:
                    connection.request(
                        method,
                        path,
                        headers={"Cookie": f"mmebench-{own.rpartition(':')[2]}=a", "X-Mmebench-Key": "a\u00e9"},
                    )
                    answers.add((path, connection.getresponse().status))
                except (OSError, HTTPException):
                    pass  # the workers' port speaks no HTTP
                finally:
                    connection.close()

    (stage,) = offer(tmp_path, 25, visit)
    assert stage.note is None, "the load went on to its end"
    assert {status for _, status in answers} <= {403, 404}, answers
    assert {("/live", 403), ("/locust/stop", 403), ("/locust/swarm", 403)} <= answers


def test_a_name_that_was_made_to_point_here_is_refused(tmp_path: Path) -> None:
    statuses: dict[tuple[str, str], int] = {}

    def visit(page: Page) -> None:
        ui = urlsplit(page.url)
        (known,) = page.context.cookies()
        assert (known["httpOnly"], known["sameSite"]) == (True, "Strict")
        cookie = f"{known['name']}={known['value']}"
        for host in (f"attacker.example:{ui.port}", "localhost:1234", ui.netloc):
            for path in ("/live", "/locust/stats/requests"):
                connection = HTTPConnection(ui.netloc)
                connection.request("GET", path, headers={"Host": host, "Cookie": cookie})
                answer = connection.getresponse()
                statuses[host.partition(":")[0], path] = answer.status
                assert not [header for header in answer.headers if header.startswith("Access-Control")]
                connection.close()

    offer(tmp_path, 25, visit)
    for path in ("/live", "/locust/stats/requests"):
        known = {host: status for (host, asked), status in statuses.items() if asked == path}
        assert known == {"attacker.example": 403, "localhost": 200, "127.0.0.1": 200}


def test_a_port_that_somebody_has_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        job = make_job(1, tmp_path / "samples.arrows", {"profile": {"stages": [{"users": 1, "duration": 1}]}})
        with pytest.raises(BadInputError, match=f"port {port}: Address already in use; choose another one"):
            offer_load(
                job.model_copy(update={"pages": LocustPages(port=port, key="k")}),
                tmp_path / "load",
                tmp_path / "load.log",
                lambda live: None,
                lambda stage: None,
            )
    assert load_processes() == []
