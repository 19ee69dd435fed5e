"""Faults done for real, each to an endpoint of its own while other clients use it."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from mmebench.archive import pack
from mmebench.endpoints.counters import read_counters
from mmebench.endpoints.local.loader import model_id
from reliability.crowd import LOST, RIGHT, WRONG, Client, Tally, Target, time_to_heal
from support.contract_server import ContractServer, offset_archive
from support.patience import wait_until
from support.serving import Serving, serving
from support.tiny_models import onnx_archive, python_archive, weighty_archive

MIB = 2**20
_HANGING = """
import time
class TritonPythonModel:
    def initialize(self, arguments):
        time.sleep(1000)
"""


@dataclass
class Scene:
    """An endpoint, its store, and what was asked of it."""

    served: Serving
    folder: Path
    environment: dict[str, str]
    tally: Tally = field(default_factory=Tally)
    elsewhere: Tally = field(default_factory=Tally)
    """What became of requests to another endpoint than this."""

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def run_directories(self) -> list[Path]:
        """What its servers have on disk; shared memory bears the same names."""
        return list((self.folder / "temporary").glob("mmebench-*"))

    def put(self, archive: Path, name: str) -> None:
        """Put an archive behind a name, all at once."""
        partial = self.store / f"{name}.part"
        shutil.copyfile(archive, partial)
        partial.replace(self.store / name)

    def ask(self, target: Target) -> str:
        client = Client(self.served.url, self.tally)
        outcome = client.ask(target, [4.0, 3.0, 2.0, 1.0])
        client.close()
        return outcome

    def heal(self, target: Target) -> float:
        return time_to_heal(self.served.url, target, self.tally)

    def triton(self) -> psutil.Process:
        return next(child for child in self.children() if child.name() == "tritonserver")

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.served.pid).children(recursive=True)

    def stub(self, target: Target) -> psutil.Process | None:
        """The process of a target's model."""
        path = f"/{model_id(target.name)}/"
        for child in self.children():
            with contextlib.suppress(psutil.Error):  # it may end meanwhile
                if any(path in part for part in child.cmdline()):
                    return child
        return None

    def check_visible(self) -> None:
        """What was refused is counted and logged, and no traceback is."""
        refused = [outcome for outcome in self.tally.outcomes if outcome not in (RIGHT, WRONG, LOST)]
        counters = read_counters(self.served.url)
        assert not refused or counters.invocation_4xx_errors + counters.invocation_5xx_errors > 0
        log = self.served.log.read_text()
        assert "Traceback" not in log, log[-3000:]
        assert all(outcome in log or outcome.startswith("HTTP") for outcome in refused), log[-3000:]

    def connect(self) -> socket.socket:
        host, _, port = urlsplit(self.served.url).netloc.partition(":")
        return socket.create_connection((host, int(port)), timeout=20)


Fault = Callable[[Scene], float | None]
"""Does it and heals it; says how many seconds healing took, or None where there is nothing to heal."""


@dataclass(frozen=True)
class Scenario:
    """One fault."""

    name: str
    fault: Fault
    options: tuple[str, ...] = ("--container", "triton")
    before: Callable[[Path], tuple[str, ...]] = lambda folder: ()
    constants: tuple[tuple[str, float], ...] = ()
    """Limits of the server that are shortened."""
    bystanders: int = 3
    """Targets that others use meanwhile."""

    @contextmanager
    def scene(self, folder: Path) -> Iterator[Scene]:
        """An endpoint for it, with its bystanders in memory."""
        store = folder / "store"
        store.mkdir()
        for target in self.others:
            onnx_archive(folder / target.name, target.offset)
            shutil.copyfile(folder / target.name, store / target.name)
        (folder / "temporary").mkdir()
        before, environment = self.before(folder), {"TMPDIR": str(folder / "temporary")}
        with serving(store, folder / "serve.log", *self.options, before=before, **environment) as served:
            scene = Scene(served, folder, environment)
            for target in self.others:
                assert scene.ask(target) == RIGHT, scene.tally.notes
            yield scene

    @property
    def others(self) -> list[Target]:
        return [Target(f"bystander{number}.tar.gz", 100 + number) for number in range(self.bystanders)]


# --- processes


def kill_stub(scene: Scene) -> float:
    target = Target("victim.tar.gz", 1)
    scene.put(onnx_archive(scene.folder / target.name, 1), target.name)
    scene.ask(target)
    stub = scene.stub(target)
    assert stub is not None
    stub.kill()
    return scene.heal(target)


def kill_triton(scene: Scene) -> float:
    target = Target("victim.tar.gz", 1)
    scene.put(onnx_archive(scene.folder / target.name, 1), target.name)
    scene.ask(target)
    scene.triton().kill()
    return scene.heal(target)


def kill_triton_while_it_loads(scene: Scene) -> float:
    target = Target("victim.tar.gz", 1)
    scene.put(weighty_archive(scene.folder / target.name, 1, load=1.0), target.name)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(scene.ask, target)
        wait_until(lambda: scene.stub(target) is not None, 10)
        scene.triton().kill()
        assert asked.result() != RIGHT
    return scene.heal(target)


def load_that_hangs(scene: Scene) -> float:
    target = Target("victim.tar.gz", 1)
    scene.put(python_archive(scene.folder / "hanging.tar.gz", _HANGING), target.name)
    assert scene.ask(target) == "ModelError"
    assert "so the load was given up" in scene.tally.notes[-1]
    wait_until(lambda: scene.stub(target) is None, 10)
    scene.put(onnx_archive(scene.folder / "good.tar.gz", 1), target.name)
    return scene.heal(target)


# --- archives


def corrupt_archive(scene: Scene) -> float:
    target = Target("victim.tar.gz", 1)
    good = onnx_archive(scene.folder / "good.tar.gz", 1)
    content = bytearray(good.read_bytes())
    for position in (5, len(content) // 2, len(content) - 6):
        broken = bytearray(content)
        broken[position] ^= 0xFF
        (scene.folder / "broken.tar.gz").write_bytes(broken)
        scene.put(scene.folder / "broken.tar.gz", target.name)
        if position > 5:  # that byte is of the time, which nobody reads
            assert scene.ask(target) == "ValidationError"
    scene.put(good, target.name)
    return scene.heal(target)


def half_written_archive(scene: Scene) -> float:
    """It grows under its own name, as with a plain copy."""
    target = Target("victim.tar.gz", 1)
    content = onnx_archive(scene.folder / "good.tar.gz", 1).read_bytes()
    with (scene.store / target.name).open("wb", buffering=0) as file:
        for start in range(0, len(content), len(content) // 12):
            file.write(content[start : start + len(content) // 12])
            if file.tell() < len(content):
                assert scene.ask(target) == "ValidationError"
    return scene.heal(target)


def archive_replaced(scene: Scene) -> float:
    """The old answers until it was evicted; then the new ones."""
    old, new = Target("victim.tar.gz", 1), Target("victim.tar.gz", 2)
    scene.put(weighty_archive(scene.folder / "old.tar.gz", 1), old.name)
    assert scene.ask(old) == RIGHT
    scene.put(weighty_archive(scene.folder / "new.tar.gz", 2), old.name)
    assert scene.ask(old) == RIGHT, "what is in memory stays"
    stub = scene.stub(old)
    assert stub is not None
    for number in range(4):  # evict it
        other = Target(f"other{number}.tar.gz", 7)
        scene.put(weighty_archive(scene.folder / other.name, 7), other.name)
        assert scene.ask(other) == RIGHT
    wait_until(lambda: not stub.is_running(), 10)
    return scene.heal(new)


def hostile_archives(scene: Scene) -> float:
    """Entries that point out of the archive, links, and a gigabyte of zeros."""
    import tarfile

    target = Target("victim.tar.gz", 1)
    outside = scene.folder / "outside"
    entries = [tarfile.TarInfo(name) for name in (f"../../../../../../..{outside}", str(outside), "a/../../b")]
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        entry = tarfile.TarInfo("model/1/model.onnx")
        entry.type, entry.linkname = kind, "/etc/passwd"
        entries.append(entry)
    for entry in entries:
        with tarfile.open(scene.folder / "hostile.tar.gz", "w:gz") as tar:
            tar.addfile(entry)
        scene.put(scene.folder / "hostile.tar.gz", target.name)
        assert scene.ask(target) == "ValidationError"
    assert not outside.exists()
    bomb = scene.folder / "bomb"
    (bomb / "1").mkdir(parents=True)
    with (bomb / "1" / "model.onnx").open("wb") as file:
        file.truncate(1200 * MIB)
    pack(bomb, scene.folder / "bomb.tar.gz")
    shutil.rmtree(bomb)
    scene.put(scene.folder / "bomb.tar.gz", target.name)
    assert scene.ask(target) == "ValidationError"
    scene.put(onnx_archive(scene.folder / "good.tar.gz", 1), target.name)
    return scene.heal(target)


# --- space


def _large(scene: Scene, number: int, megabytes: int) -> Target:
    """A target whose archive holds so many bytes that do not compress."""
    target = Target(f"large{number}.tar.gz", number)
    folder = scene.folder / f"large{number}"
    onnx_archive(scene.folder / f"small{number}.tar.gz", number)
    shutil.copytree(scene.folder / f"small{number}.tar.gz-folder" / "tiny", folder)
    (folder / "1" / "ballast").write_bytes(os.urandom(megabytes * MIB))
    pack(folder, scene.folder / target.name)
    scene.put(scene.folder / target.name, target.name)
    return target


def disk_full(scene: Scene) -> float:
    """Room for two or three unpacked archives of four; another fits into no disk of this size."""
    targets = [_large(scene, number, 10) for number in range(4)]
    for target in (*targets, targets[0]):
        assert scene.ask(target) == RIGHT, scene.tally.notes
    huge = _large(scene, 5, 40)
    assert scene.ask(huge) == "InternalFailure"
    assert "disk is full" in scene.tally.notes[-1]
    return scene.heal(targets[0])


def shared_memory_full(scene: Scene) -> float:
    """8 MiB hold the shared memory of eight models."""
    targets = [Target(f"t{number}.tar.gz", number) for number in range(10)]
    for target in targets:
        scene.put(onnx_archive(scene.folder / target.name, target.offset), target.name)
        assert scene.ask(target) == RIGHT, scene.tally.notes
    return scene.heal(targets[0])


def no_memory_for_ever(scene: Scene) -> float:
    """The container is asked by its URL, and says 507 to everything."""
    target = Target("victim.tar.gz", 1)
    with ContractServer() as container:
        store = scene.folder / "opaque"
        store.mkdir()
        for name, offset in (("victim.tar.gz", 1), ("other.tar.gz", 2)):
            offset_archive(scene.folder / f"opaque-{name}", offset).rename(store / name)
        options = ("--container", container.url, "--model-directory", str(scene.folder / "models"))
        with serving(store, scene.folder / "contract.log", *options) as served:
            inner = Scene(served, scene.folder, scene.environment)
            assert inner.ask(Target("other.tar.gz", 2)) == RIGHT
            container.busy = container.room = 0
            for _ in range(5):
                assert inner.ask(target) == "ModelError"
            container.busy = container.room = 100
            healed = inner.heal(target)
            inner.check_visible()
            scene.elsewhere = inner.tally
            return healed


# --- many


def thousand_targets(scene: Scene) -> None:
    """Three hundred of them are asked, in an order of their own."""
    archives = [onnx_archive(scene.folder / f"offset{number}.tar.gz", number) for number in range(10)]
    targets = [Target(f"team{number % 7}/t{number}.tar.gz", number % 10) for number in range(1000)]
    for number, target in enumerate(targets):
        (scene.store / target.name).parent.mkdir(exist_ok=True)
        os.link(archives[number % 10], scene.store / target.name)
    random.Random(0).shuffle(targets)
    client = Client(scene.served.url, scene.tally)
    for target in targets[:300]:
        assert client.ask(target, [float(len(target.name)), 1.0, 2.0, 3.0]) == RIGHT, scene.tally.notes
    client.close()


def two_hundred_clients(scene: Scene) -> None:
    """On 50 targets with room for five: every one gets its answer, if late."""
    targets = [Target(f"t{number}.tar.gz", number) for number in range(50)]
    for target in targets:
        scene.put(onnx_archive(scene.folder / target.name, target.offset), target.name)
    tallies = [Tally() for _ in range(200)]

    def ask(number: int) -> None:
        client = Client(scene.served.url, tallies[number])
        while client.ask(targets[number % 50], [float(number), 0.0, 1.0, 2.0]) == "ModelNotReadyException":
            pass
        client.close()

    with ThreadPoolExecutor(200) as pool:
        list(pool.map(ask, range(200)))
    scene.tally += sum(tallies, Tally())
    assert scene.tally.outcomes[RIGHT] >= 200


# --- clients


def _request(target: str, body: bytes, length: int | None = None) -> bytes:
    head = (
        "POST /endpoints/local/invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"X-Amzn-SageMaker-Target-Model: {target}\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode("utf-8", "surrogateescape") + body


_BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}).encode()


def clients_that_hang_up(scene: Scene) -> float:
    """After any number of bytes, politely or not, and while their target is being loaded."""
    target = Target("victim.tar.gz", 1)
    scene.put(weighty_archive(scene.folder / target.name, 1, load=0.5), target.name)
    whole = _request(target.name, _BODY)
    chance = random.Random(0)
    for number in range(200):
        connection = scene.connect()
        connection.sendall(whole[: chance.randrange(1, len(whole) + 1)] * chance.choice((1, 1, 3)))
        if number % 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if number % 10 == 0:
            time.sleep(0.05)
        connection.close()
    return scene.heal(target)


def malformed_http(scene: Scene) -> float:
    """Refused with 4XX on a connection that then ends; bodies longer than they say begin another request."""
    junk = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 1000,
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %b\r\n" % (number, b"a" * 1000) for number in range(1000)),
        b"POST " + b"/" * 1_000_000,
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        _request("bystander0.tar.gz", _BODY, length=2**40),
    ]
    for data in junk:
        with scene.connect() as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has heard enough
                connection.sendall(data)
            status = connection.makefile("rb").readline().split()
        scene.tally.outcomes[f"HTTP {status[1].decode()}"] += 1
        assert status[1] in (b"400", b"413", b"431"), (data[:40], status)
    with scene.connect() as connection:  # longer
        connection.sendall(_request("bystander0.tar.gz", _BODY + b"surplus\r\n\r\n", length=len(_BODY)))
        said = connection.makefile("rb").read()
        assert said.count(b"HTTP/1.1 200") == 1
        assert said.count(b"HTTP/1.1 400") == 1
    with scene.connect() as connection:  # shorter
        connection.sendall(_request("bystander0.tar.gz", _BODY, length=len(_BODY) + 5))
        connection.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 200" not in connection.makefile("rb").read()
    return scene.heal(Target("bystander0.tar.gz", 100))


def hostile_names(scene: Scene) -> float:
    """Nothing outside the store is read or loaded."""
    onnx_archive(scene.folder / "outside.tar.gz", 9)
    names = [
        "../outside.tar.gz", "a/../../outside.tar.gz", "%2e%2e/outside.tar.gz", "..%2foutside.tar.gz",
        str(scene.folder / "outside.tar.gz"), "x\0.tar.gz", "\0", "x" * 1016 + ".tar.gz", "x" * 1017 + ".tar.gz",
        "x" * 5000, "ünï-😀.tar.gz", "\udcff\udcfe", "a\tb.tar.gz", "~/outside.tar.gz", "CON.tar.gz", "-rf.tar.gz",
        "$(id).tar.gz", "bystander0.tar.gz/", "bystander0.tar.gz/x.tar.gz", "./bystander0.tar.gz",
    ]  # fmt: skip
    for name in names:
        with scene.connect() as connection:
            connection.sendall(_request(name, _BODY))
            status = connection.makefile("rb").readline().split()[1]
        scene.tally.outcomes[f"HTTP {status.decode()}"] += 1
        assert status == b"400", name
    longest = Target("ü 😀/" + "x" * 1000 + ".tar.gz", 6)
    short = Target("ü 😀/%2e%2e.tar.gz", 6)
    (scene.store / "ü 😀").mkdir()
    scene.put(onnx_archive(scene.folder / "odd.tar.gz", 6), short.name)
    client = scene.connect()
    client.sendall(_request(short.name, _BODY) + _request(longest.name, _BODY))
    file = client.makefile("rb")
    assert file.readline().split()[1] == b"200", "a name that is odd but good"
    client.close()
    return scene.heal(Target("bystander0.tar.gz", 100))


# --- the router itself


def kill_router(scene: Scene) -> None:
    """While it loads and while it answers; these two requests are lost, and nothing is left of it."""
    (run,) = scene.run_directories
    assert list(Path("/dev/shm").glob(f"{run.name}*"))
    loads, runs = Target("loads.tar.gz", 1), Target("runs.tar.gz", 2)
    scene.put(weighty_archive(scene.folder / loads.name, 1, load=20), loads.name)
    scene.put(weighty_archive(scene.folder / runs.name, 2, run=20), runs.name)
    with scene.connect() as waiting, scene.connect() as running:
        for connection, target in ((running, runs), (waiting, loads)):
            connection.sendall(_request(target.name, _BODY))
            wait_until(lambda target=target: scene.stub(target) is not None, 10)  # type: ignore[misc]
            time.sleep(1)
        belongings = scene.children()
        os.kill(scene.served.pid, signal.SIGKILL)
        for connection in (waiting, running):
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
            scene.tally.outcomes[LOST] += 1
    wait_until(lambda: not any(process.is_running() for process in belongings), 10)
    options = ("--container", "triton")
    with serving(scene.store, scene.folder / "next.log", *options, **scene.environment) as served:
        assert not run.exists(), "the next server removes what it left"
        assert not list(Path("/dev/shm").glob(f"{run.name}*"))
        again = Scene(served, scene.folder, scene.environment, scene.tally)
        assert again.ask(Target("bystander0.tar.gz", 100)) == RIGHT


def _in_namespace(mount: str) -> tuple[str, ...]:
    return ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs {mount} && exec "$@"', "sh")


def namespaces_allowed() -> bool:
    """Whether this user may mount what only one process sees."""
    if shutil.which("unshare") is None:
        return False
    command = [*_in_namespace("-o size=1m none /mnt"), "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _small_disk(folder: Path) -> tuple[str, ...]:
    return _in_namespace(f"-o size=40m none '{folder / 'temporary'}'")


SCENARIOS = (
    Scenario("kill -9 of a model's process", kill_stub),
    Scenario("kill -9 of Triton", kill_triton),
    Scenario("kill -9 of Triton while it loads", kill_triton_while_it_loads),
    Scenario(
        "a load that hangs",
        load_that_hangs,
        constants=(("mmebench.endpoints.containers.v2._LOAD_SECONDS", 2.0),),
    ),
    Scenario("a corrupt archive", corrupt_archive),
    Scenario("a half-written archive", half_written_archive),
    Scenario(
        "an archive replaced under its name",
        archive_replaced,
        options=("--container", "triton", "--memory", "180MiB"),
        bystanders=1,
    ),
    Scenario("archives that escape, link or explode", hostile_archives),
    Scenario(
        "the disk of unpacked archives full",
        disk_full,
        before=_small_disk,
        bystanders=1,
    ),
    Scenario(
        "/dev/shm full",
        shared_memory_full,
        before=lambda folder: _in_namespace("-o size=8m none /dev/shm"),
        bystanders=1,
    ),
    Scenario("a container that says 507 for ever", no_memory_for_ever, bystanders=1),
    Scenario(
        "1,000 targets, room for a few",
        thousand_targets,
        options=("--container", "python", "--memory", "60MiB"),
        bystanders=0,
    ),
    Scenario(
        "200 clients at once on 50 targets, room for 5",
        two_hundred_clients,
        options=("--container", "triton", "--memory", "190MiB", "--load-concurrency", "4"),
        bystanders=0,
    ),
    Scenario("clients that hang up", clients_that_hang_up),
    Scenario("malformed HTTP", malformed_http),
    Scenario("hostile target names", hostile_names),
    Scenario("kill -9 of the router", kill_router, bystanders=1),
)
