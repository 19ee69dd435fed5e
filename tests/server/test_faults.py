"""Faults done for real: killed processes, clients that hang up, requests in flight while memory is short."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from botocore.exceptions import ClientError

from mmebench.endpoints.local import LocalEndpoint
from mmebench.errors import MmebenchError
from mmebench.server.memory.loader import model_id
from support.invocations import binary_body, invoke, json_body, runtime_client
from support.patience import wait_until
from support.served_constants import override
from support.serving import Serve
from support.tiny_models import expected, onnx_archive, weighty_archive

pytestmark = pytest.mark.triton

VALUES = [[1.0, 2.0, 3.0, 4.0]]
SOON = 30.0
"""Seconds; on a machine with time to spare it is one or two, and where Triton is waited for, for ever."""


def container(endpoint: LocalEndpoint) -> psutil.Process:
    (child,) = psutil.Process(endpoint.pid).children()
    return child


def stub_of(endpoint: LocalEndpoint, target: str) -> psutil.Process:
    """The process inside Triton that runs the target's model."""
    stubs = container(endpoint).children()
    (found,) = [stub for stub in stubs if f"/{model_id(target)}/" in " ".join(stub.cmdline())]
    return found


class Belongings:
    """What a server has on this machine: itself, Triton, Triton's stubs, a directory, shared memory."""

    def __init__(self, pid: int) -> None:
        server = psutil.Process(pid)
        self.processes = [server, *server.children(recursive=True)]
        (triton,) = [process for process in self.processes if process.name() == "tritonserver"]
        option = "--model-repository="
        (repository,) = [part for part in triton.cmdline() if part.startswith(option)]
        self.directory = Path(repository.removeprefix(option)).parent
        assert self.directory.is_dir()
        assert len(self.processes) >= 3
        assert self.shared_memory()

    def shared_memory(self) -> list[Path]:
        return list(Path("/dev/shm").glob(f"{self.directory.name}*"))

    def left(self) -> list[object]:
        running = [process for process in self.processes if _lives(process)]
        return [*running, *self.shared_memory(), *([self.directory] if self.directory.exists() else [])]


def _lives(process: psutil.Process) -> bool:
    """Whether it is more than an entry in the table, which an orphan's is until init looks at it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_triton_comes_back(serve: Serve, archives: dict[str, Path]) -> None:
    endpoint = serve()
    client = runtime_client(endpoint.url)
    endpoint.add_targets(archives["onnx"], ["a.tar.gz", "b.tar.gz"])
    for target in ("a.tar.gz", "b.tar.gz"):
        invoke(client, target, VALUES)
    triton = container(endpoint)
    triton.kill()
    failures = []

    def heals() -> bool:
        try:
            return invoke(client, "a.tar.gz", VALUES) == expected(VALUES, 1)
        except ClientError as error:
            failures.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
            return False

    wait_until(heals)
    assert set(failures) <= {500, 503}
    assert endpoint.residency().resident == ("a.tar.gz",)
    assert container(endpoint).pid != triton.pid


def test_requests_in_flight_when_triton_dies_get_an_aws_error(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve()
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 0, run=20), ["slow.tar.gz"])
    client = runtime_client(endpoint.url)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(invoke, client, "slow.tar.gz", VALUES)
        wait_until(lambda: endpoint.residency().resident == ("slow.tar.gz",))
        time.sleep(0.3)
        container(endpoint).kill()
        with pytest.raises(client.exceptions.InternalFailure):
            answer.result(timeout=10)


def test_a_killed_stub_is_loaded_again(serve: Serve, archives: dict[str, Path]) -> None:
    endpoint = serve()
    client = runtime_client(endpoint.url)
    endpoint.add_targets(archives["onnx"], ["dead.tar.gz"])
    invoke(client, "dead.tar.gz", VALUES)
    stub_of(endpoint, "dead.tar.gz").kill()
    clients = [runtime_client(endpoint.url) for _ in range(6)]
    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda client: invoke(client, "dead.tar.gz", VALUES), clients))
    assert answers == [expected(VALUES, 1)] * 6
    assert time.monotonic() - started < SOON
    assert endpoint.residency().loads == 2


def test_a_dead_target_that_nobody_asks_for_can_be_evicted(serve: Serve, tmp_path: Path) -> None:
    """Triton never finishes the unload of a model whose process is gone."""
    endpoint = serve(memory="100MiB")  # one fits
    others = ["next.tar.gz", "third.tar.gz"]
    endpoint.add_targets(weighty_archive(tmp_path / "w.tar.gz", 1), ["dead.tar.gz", *others])
    client = runtime_client(endpoint.url)
    invoke(client, "dead.tar.gz", VALUES)
    stub_of(endpoint, "dead.tar.gz").kill()
    for target in others:  # the first finds room where it was seen by then that the dead one takes none
        started = time.monotonic()
        assert invoke(client, target, VALUES) == expected(VALUES, 1)
        assert time.monotonic() - started < SOON
    wait_until(lambda: endpoint.residency().resident == ("third.tar.gz",))
    assert invoke(client, "dead.tar.gz", VALUES) == expected(VALUES, 1)


def test_a_target_with_a_request_in_flight_is_not_evicted(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(memory="180MiB")  # two fit
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 0, run=2.5), ["slow.tar.gz"])
    targets = [f"v{number}.tar.gz" for number in range(2)]
    endpoint.add_targets(weighty_archive(tmp_path / "one.tar.gz", 1), targets)
    client, other = runtime_client(endpoint.url), runtime_client(endpoint.url)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(invoke, client, "slow.tar.gz", VALUES)
        wait_until(lambda: endpoint.residency().resident == ("slow.tar.gz",))
        for target in targets:
            assert invoke(other, target, VALUES) == expected(VALUES, 1)
        assert endpoint.residency().evictions > 0
        assert "slow.tar.gz" in endpoint.residency().resident
        assert answer.result() == expected(VALUES, 0)


def test_a_process_that_is_killed_while_its_model_is_loaded(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve()
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 0, load=2.0), ["slow.tar.gz"])
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(invoke, runtime_client(endpoint.url), "slow.tar.gz", VALUES)
        wait_until(lambda: f"/{model_id('slow.tar.gz')}/" in stub_arguments(endpoint))
        # Triton does not notice that a process dies which has just begun: see below. This one has its weights.
        wait_until(lambda: stub_of(endpoint, "slow.tar.gz").memory_full_info().uss > 50_000_000)
        stub_of(endpoint, "slow.tar.gz").kill()
        assert answer.result() == expected(VALUES, 0)
    assert "its process died while it was loaded" in (tmp_path / "serve-0.log").read_text()


def test_a_process_that_is_killed_as_it_appears(serve: Serve, tmp_path: Path) -> None:
    """Triton may not notice, and would wait for ever: it is restarted then."""
    endpoint = serve()
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 0, load=2.0), ["slow.tar.gz"])
    client = runtime_client(endpoint.url)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(invoke, client, "slow.tar.gz", VALUES)
        triton, deadline = container(endpoint), time.monotonic() + 30
        while not (stubs := [one for one in triton.children() if "stub" in one.name()]):
            assert time.monotonic() < deadline
        stubs[0].kill()
        with suppress(client.exceptions.ServiceUnavailable):
            assert answer.result(60) == expected(VALUES, 0)

    def served() -> bool:
        try:
            return bool(invoke(client, "slow.tar.gz", VALUES) == expected(VALUES, 0))
        except (client.exceptions.ServiceUnavailable, client.exceptions.ModelNotReadyException):
            return False

    wait_until(served)


def stub_arguments(endpoint: LocalEndpoint) -> str:
    return " ".join(word for stub in container(endpoint).children() for word in stub.cmdline())


def test_the_load_goes_on_when_the_client_hangs_up(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve()
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 0, load=1.0), ["slow.tar.gz"])
    body = json_body(VALUES)
    head = (
        "POST /endpoints/local/invocations HTTP/1.1\r\nX-Amzn-SageMaker-Target-Model: slow.tar.gz\r\n"
        f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(endpoint.url.rpartition(":")[2]))) as connection:
        connection.sendall(head.encode() + body)
        wait_until(lambda: f"/{model_id('slow.tar.gz')}/" in stub_arguments(endpoint))
    wait_until(lambda: endpoint.residency().resident == ("slow.tar.gz",))
    assert invoke(runtime_client(endpoint.url), "slow.tar.gz", VALUES) == expected(VALUES, 0)
    assert len(endpoint.recent_loads()) == 1, "it was not loaded a second time"


def test_a_client_that_does_not_read_its_answer_holds_its_target_only_for_a_while(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    override(monkeypatch, tmp_path / "site", {"mmebench.server.front.router._STALL_SECONDS": 1.0})
    endpoint = serve(memory="100MiB")  # one fits
    config = """
    backend: "onnxruntime" max_batch_size: 0
    input { name: "x" data_type: TYPE_FP32 dims: [-1, 4] } output { name: "y" data_type: TYPE_FP32 dims: [-1, 4] }
    """
    endpoint.add_targets(onnx_archive(tmp_path / "wide.tar.gz", 1, config=config), ["wide.tar.gz"])
    endpoint.add_targets(weighty_archive(tmp_path / "next.tar.gz", 1), ["next.tar.gz"])
    content, content_type = binary_body(np.ones((1_500_000, 4), np.float32))
    head = (
        "POST /endpoints/local/invocations HTTP/1.1\r\nX-Amzn-SageMaker-Target-Model: wide.tar.gz\r\n"
        f"Host: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # or the kernel takes all for the client
        connection.connect(("127.0.0.1", int(endpoint.url.rpartition(":")[2])))
        connection.sendall(head.encode() + content)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert invoke(runtime_client(endpoint.url), "next.tar.gz", VALUES) == expected(VALUES, 1)
        wait_until(lambda: endpoint.residency().evictions == 1)
        assert len(connection.makefile("rb").read()) < len(content)


def test_more_clients_than_room_get_right_answers(serve: Serve, tmp_path: Path) -> None:
    """Five targets, room for two, all asked for all the time."""
    endpoint = serve(memory="180MiB")
    targets = [f"v{number}.tar.gz" for number in range(5)]
    for offset, target in enumerate(targets):
        endpoint.add_targets(weighty_archive(tmp_path / target, offset), [target])

    def ask(number: int) -> list[bool]:
        client = runtime_client(endpoint.url)
        right = []
        for turn in range(2):
            values = [[float(number), float(turn), 0.0, 1.0]]
            offset = (number + turn) % 5
            right.append(invoke(client, targets[offset], values) == expected(values, offset))
        return right

    with ThreadPoolExecutor(8) as pool:
        assert all(all(right) for right in pool.map(ask, range(8)))
    residency = endpoint.residency()
    assert residency.evictions >= 3
    assert residency.memory_used <= 180 * 2**20


def test_two_endpoints_side_by_side(serve: Serve, archives: dict[str, Path]) -> None:
    first, second = serve(), serve()
    first.add_targets(archives["onnx"], ["a.tar.gz"])
    for endpoint in (first, second):
        assert invoke(runtime_client(endpoint.url), "a.tar.gz", VALUES) == expected(VALUES, 1)
    first.close()
    assert invoke(runtime_client(second.url), "a.tar.gz", VALUES) == expected(VALUES, 1)


def test_nothing_is_left_after_close(serve: Serve, archives: dict[str, Path]) -> None:
    endpoint = serve()
    endpoint.add_targets(archives["onnx"], ["a.tar.gz"])
    invoke(runtime_client(endpoint.url), "a.tar.gz", VALUES)
    belongings = Belongings(endpoint.pid)
    endpoint.close()
    assert belongings.left() == []
    endpoint.close()


def test_nothing_is_left_after_the_server_was_killed(serve: Serve, archives: dict[str, Path]) -> None:
    endpoint = serve()
    endpoint.add_targets(archives["onnx"], ["a.tar.gz"])
    invoke(runtime_client(endpoint.url), "a.tar.gz", VALUES)
    belongings = Belongings(endpoint.pid)
    os.kill(endpoint.pid, signal.SIGKILL)
    with pytest.raises(MmebenchError, match="does not answer"):
        endpoint.residency()
    endpoint.close()
    wait_until(lambda: belongings.left() == [])


def test_a_stub_that_does_not_notice_is_ended(serve: Serve, archives: dict[str, Path]) -> None:
    """Seen: one that hung on its way out after its Triton was killed."""
    endpoint = serve()
    endpoint.add_targets(archives["onnx"], ["a.tar.gz"])
    invoke(runtime_client(endpoint.url), "a.tar.gz", VALUES)
    belongings = Belongings(endpoint.pid)
    stubs = [process for process in belongings.processes if process.name().startswith("triton_python")]
    assert stubs
    for stub in stubs:
        stub.suspend()
    os.kill(endpoint.pid, signal.SIGKILL)
    endpoint.close()
    wait_until(lambda: belongings.left() == [])


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path, archives: dict[str, Path]) -> None:
    (tmp_path / "store").mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path), str(archives["onnx"])], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    invoke(runtime_client(url), "a.tar.gz", VALUES)
    (server,) = psutil.Process(parent.pid).children()
    belongings = Belongings(server.pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: belongings.left() == [])


_PARENT = """
import sys, time
from pathlib import Path
from mmebench.endpoints.opener import open_endpoint
from mmebench.spec import LocalEndpoint

folder = Path(sys.argv[1])
endpoint = open_endpoint(LocalEndpoint(), folder / "store", folder / "serve.log")
endpoint.add_targets(Path(sys.argv[2]), ["a.tar.gz"])
print(endpoint.url, flush=True)
time.sleep(60)
"""
