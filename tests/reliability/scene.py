"""An endpoint for one fault, and what is needed to do the fault to it."""

import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from mmebench.endpoints.counters import read_counters
from mmebench.server.memory.loader import model_id
from reliability.crowd import LOST, RIGHT, WRONG, Client, Tally, Target, time_to_heal
from support.serving import Serving, serving
from support.tiny_models import onnx_archive


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

    def has_stub(self, target: Target) -> bool:
        """Whether there is one."""
        return self.stub(target) is not None

    def check_visible(self) -> None:
        """What was refused is counted and logged, and no traceback is."""
        refused = [outcome for outcome in self.tally.outcomes if outcome not in (RIGHT, WRONG, LOST)]
        counters = read_counters(self.served.url)
        assert not refused or counters.invocation_4xx_errors + counters.invocation_5xx_errors > 0
        log = self.served.log.read_text()
        at = log.find("Traceback")
        assert at < 0, log[max(0, at - 1000) : at + 3000]
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


def make_request(target: str, body: bytes, length: int | None = None) -> bytes:
    head = (
        "POST /endpoints/local/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Amzn-SageMaker-Target-Model: {target}\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode("utf-8", "surrogateescape") + body


BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}).encode()


def in_namespace(mount: str) -> tuple[str, ...]:
    return ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs {mount} && exec "$@"', "sh")


def namespaces_allowed() -> bool:
    """Whether this user may mount what only one process sees."""
    if shutil.which("unshare") is None:
        return False
    command = [*in_namespace("-o size=1m none /mnt"), "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def small_disk(folder: Path) -> tuple[str, ...]:
    return in_namespace(f"-o size=40m none '{folder / 'temporary'}'")
