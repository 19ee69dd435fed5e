"""``python -m reliability.soak MINUTES [SEED]``: everything that goes wrong, at once and for long.

Eight clients ask for three times as many targets as fit, while a model's process is killed every 20 seconds and
Triton every 3 minutes, archives are replaced under their names, and slow, poisonous and impatient clients are at
it. Answers must be right or refused; nothing may be lost, left over, or grow.
"""

import contextlib
import random
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import psutil

from mmebench.endpoints.counters import read_counters
from mmebench.formats.archive import copy_distinct
from reliability.crowd import LOST, WRONG, Client, Tally, Target, time_to_heal
from reliability.fuzz import exchange, wrong_http, wrong_inference
from support.serving import Serving, serving
from support.tiny_models import onnx_archive

CLIENTS = 8
TARGETS = 24
MEMORY = "320MiB"
"""Room for a third of the targets."""
STUB_SECONDS, TRITON_SECONDS, REPLACE_SECONDS = 20.0, 180.0, 3.0
MIB = 1024 * 1024


@dataclass
class Soak:
    """One run: the endpoint, its archives, and what was seen."""

    served: Serving
    folder: Path
    seed: int
    ended: threading.Event = field(default_factory=threading.Event)
    tallies: list[Tally] = field(default_factory=list)
    healed: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    replaced: int = 0

    def put(self, number: int) -> None:
        """Another archive of the same model under the name of a target; its answers tell which target it is."""
        name, self.replaced = f"t{number}.tar.gz", self.replaced + 1
        archive, copy = self.folder / name, self.folder / f"{name}.part"
        if not archive.exists():
            onnx_archive(archive, number)
        copy_distinct(archive, copy, self.replaced)
        copy.replace(self.folder / "store" / name)

    def ask(self, which: int) -> None:
        """A client: any target, any numbers."""
        chance = random.Random(f"{self.seed} client {which}")
        mine = Tally()
        client = Client(self.served.url, mine)
        while not self.ended.wait(0.01):
            number = chance.randrange(TARGETS)
            client.ask(Target(f"t{number}.tar.gz", number), [float(chance.randrange(1000)) for _ in range(4)])
        client.close()
        self.tallies.append(mine)

    def replace(self) -> None:
        chance = random.Random(f"{self.seed} replaced")
        while not self.ended.wait(REPLACE_SECONDS):
            self.put(chance.randrange(TARGETS))

    def kill_stubs(self) -> None:
        chance = random.Random(f"{self.seed} stubs")
        while not self.ended.wait(STUB_SECONDS):
            stubs = [process for process in self.processes() if "stub" in process.name()]
            if stubs:
                with contextlib.suppress(psutil.NoSuchProcess):
                    chance.choice(stubs).kill()

    def kill_triton(self) -> None:
        while not self.ended.wait(TRITON_SECONDS):
            (triton,) = [process for process in self.processes() if process.name() == "tritonserver"]
            triton.kill()
            target = Target("t0.tar.gz", 0)
            try:
                self.healed.append(time_to_heal(self.served.url, target, Tally()))
            except TimeoutError as error:
                self.faults.append(str(error))

    def poison(self) -> None:
        """Malformed requests, without a pause but for what they take."""
        chance = random.Random(f"{self.seed} poison")
        port = int(self.served.url.rpartition(":")[2])
        while not self.ended.wait(0.02):
            data = chance.choice((wrong_http, wrong_inference))(chance).replace(b" a.tar.gz", b" t1.tar.gz")
            with contextlib.suppress(OSError):
                exchange(port, data, 0.1)

    def dribble(self) -> None:
        """A byte a second, to a target that is in demand; the endpoint hangs up at last."""
        head = (
            b"POST /endpoints/local/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n"
            b"X-Amzn-SageMaker-Target-Model: t2.tar.gz\r\n\r\n"
        )
        while not self.ended.is_set():
            with contextlib.suppress(OSError), self.connect() as connection:
                connection.sendall(head)
                while not self.ended.wait(1):
                    connection.sendall(b" ")

    def hang_up(self) -> None:
        """A large request for what is not in memory, and gone before the answer."""
        chance = random.Random(f"{self.seed} impatient")
        body = np.zeros(MIB, np.uint8).tobytes()
        while not self.ended.wait(0.5):
            head = (
                f"POST /endpoints/local/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
                f"X-Amzn-SageMaker-Target-Model: t{chance.randrange(TARGETS)}.tar.gz\r\n\r\n"
            )
            with contextlib.suppress(OSError), self.connect() as connection:
                connection.sendall(head.encode() + body)

    @property
    def tally(self) -> Tally:
        """Of all clients."""
        return sum(self.tallies, Tally())

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", int(self.served.url.rpartition(":")[2])), timeout=60)

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.served.pid).children(recursive=True)

    def size(self) -> dict[str, int]:
        """What must not grow."""
        router = psutil.Process(self.served.pid)
        (run,) = (self.folder / "temporary").glob("mmebench-*")
        return {
            "MiB of the router": router.memory_info().rss // MIB,
            "open files": router.num_fds(),
            "threads": router.num_threads(),
            "files on disk": sum(1 for _ in run.rglob("*")),
            "shared memory": sum(1 for path in Path("/dev/shm").iterdir() if path.name.startswith(run.name)),
            "KiB of log": self.served.log.stat().st_size // 1024,
        }


LIMITS = {
    "MiB of the router": 20, "open files": 40, "threads": 8, "files on disk": 400, "shared memory": 30,
}  # fmt: skip
"""What each may have more at the end than a minute after the beginning."""
LOG_KIB_A_MINUTE = 200
"""A line or two for each of the loads and evictions, of which there are hundreds a minute."""


def soak(folder: Path, minutes: float, seed: int) -> Soak:
    """All of it, for so long."""
    for name in ("store", "temporary"):
        (folder / name).mkdir()
    options = ("--container", "triton", "--memory", MEMORY)
    with serving(folder / "store", folder / "log", *options, TMPDIR=str(folder / "temporary")) as served:
        run = Soak(served, folder, seed)
        for number in range(TARGETS):
            run.put(number)
        others = (run.replace, run.kill_stubs, run.kill_triton, run.poison, run.dribble, run.hang_up)
        threads = [threading.Thread(target=run.ask, args=(number,)) for number in range(CLIENTS)]
        threads += [threading.Thread(target=work) for work in others]
        for thread in threads:
            thread.start()
        time.sleep(min(60, minutes * 15))
        before = run.size()
        time.sleep(max(0, minutes * 60 - min(60, minutes * 15)))
        after = run.size()
        run.ended.set()
        for thread in threads:
            thread.join()
        counters = read_counters(served.url)
        family = run.processes()
    grown = {what: after[what] - before[what] for what in after}
    limits = LIMITS | {"KiB of log": round(LOG_KIB_A_MINUTE * minutes)}
    run.faults += [f"{what}: {number} more" for what, number in grown.items() if number > limits[what]]
    run.faults += [f"{count} {kind}" for kind in (WRONG, LOST) if (count := run.tally.outcomes[kind])]
    run.faults += [f"left over: {process}" for process in family if lives(process)]
    run.faults += [f"left over: {path}" for path in (folder / "temporary").iterdir()]
    expected_deaths = len(run.healed)
    if counters.container_deaths > expected_deaths:
        run.faults.append(f"Triton died {counters.container_deaths} times and was killed {expected_deaths} times")
    print(f"{minutes:g} minutes, seed {seed}: {dict(run.tally.outcomes)}; {run.replaced} archives replaced")
    print(f"healed after Triton's deaths in {[round(seconds, 2) for seconds in run.healed]} s")
    print(f"grown: {grown}")
    return run


def lives(process: psutil.Process) -> bool:
    """Whether it still does anything."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def main() -> None:
    """From the command line."""
    minutes, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        run = soak(Path(folder), minutes, seed)
    if run.healed:
        print(f"healed in {median(run.healed):.2f} s at the median")
    for fault in [*run.faults, *run.tally.notes[-5:]]:
        print(fault)
    print(f"{len(run.faults)} faults")
    sys.exit(bool(run.faults))


if __name__ == "__main__":
    main()
