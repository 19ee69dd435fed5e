"""Twenty workers on hosts of their own: ``PYTHONPATH=tests python benchmarks/hosts_bench.py``, as root.

Each host is a network and a clock of this machine's kernel. Half of them reach the leading host after a delay, one
way, of 5 to 50 ms; the cable of one is down for six seconds while the load goes on, and that of another when its
first stage ends. Told is what was due and what has a sample, whether the gaps are those of the rate, and how far
each worker was from the true time.
"""

import asyncio
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from harness import describe_machine
from mmebench.record.run import read_run
from mmebench.record.samples import read_samples
from support.hosts import write_spec
from support.namespaces import call_inside, inside, set_cable, star_of_hosts

HOSTS = 20
ADDRESS, PORT = "10.213.0.1", 5557
RATE = 400
FIRST, SECOND = 30, 12
DOWN_SECONDS = 6
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Answers(asyncio.Protocol):
    """To requests of one segment."""

    def __init__(self) -> None:
        self.seen = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """It asks."""
        Answers.count += data.count(b"POST /")
        self._transport.write(ANSWER * data.count(b"POST /"))

    count = 0


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Everything, in order, so much later."""
    loop = asyncio.get_running_loop()
    while data := await reader.read(1 << 16):
        loop.call_later(delay, writer.write, data)
    loop.call_later(delay, writer.close)


async def relay(listener: socket.socket, host: str, delay: float) -> None:
    """Connections go on to the leading host, and what is sent comes after a delay."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await asyncio.to_thread(call_inside, host, lambda: socket.create_connection((ADDRESS, PORT)))
        except ConnectionRefusedError:
            writer.close()
            return
        far.setblocking(False)
        far_reader, far_writer = await asyncio.open_connection(sock=far)
        await asyncio.gather(carry(reader, far_writer, delay), carry(far_reader, writer, delay))

    await asyncio.start_server(connect, sock=listener)


def serve(listener: socket.socket, relays: list[tuple[socket.socket, str, float]]) -> None:
    """The endpoint and the delays, for ever."""

    async def run() -> None:
        await asyncio.get_running_loop().create_server(Answers, sock=listener)
        for each in relays:
            await relay(*each)
        await asyncio.Event().wait()

    asyncio.run(run())


def main() -> None:
    """Run, and tell."""
    environment = os.environ | {
        "MMEBENCH_TOKEN": secrets.token_hex(32),
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    mmebench = [sys.executable, "-m", "mmebench"]
    with star_of_hosts(ADDRESS, HOSTS) as (lead, *hosts), ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        listener = call_inside(lead, lambda: socket.create_server((ADDRESS, 0), backlog=512))
        delays = [0.005 * (1 + number // 2) if number % 2 else 0.0 for number in range(HOSTS)]
        relays = [
            (call_inside(host, lambda: socket.create_server(("127.0.0.1", PORT))), host, delay)
            for host, delay in zip(hosts, delays, strict=True)
            if delay
        ]
        threading.Thread(target=serve, args=(listener, relays), daemon=True).start()
        stages = [
            {"rate": RATE, "users": 400, "duration": FIRST, "warmup": 5},
            {"rate": RATE, "users": 400, "duration": SECOND, "warmup": 2},
        ]
        url, listen = f"http://{ADDRESS}:{listener.getsockname()[1]}", f"{ADDRESS}:{PORT}"
        workers = {"listen": listen, "count": HOSTS}
        spec = write_spec(folder / "spec.yaml", url, listen, profile={"stages": stages}, workers=workers)
        logs = []
        for number, (host, delay) in enumerate(zip(hosts, delays, strict=True), start=1):
            clock = ["unshare", "--time", "--monotonic", str(1000 * number), "--fork", "--kill-child", "--"]
            address = f"127.0.0.1:{PORT}" if delay else listen
            log = stack.enter_context((folder / f"worker{number}.log").open("wb"))
            logs.append(folder / f"worker{number}.log")
            worker = subprocess.Popen(
                [*inside(host), *clock, *mmebench, "worker", address, "--stay"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
            stack.callback(worker.wait, timeout=30)
            stack.callback(worker.kill)  # unshare takes no other signal, and ends the worker with itself
        conductor = subprocess.Popen([*inside(lead), *mmebench, "load", str(spec)], env=environment, cwd=folder)
        stack.callback(conductor.kill)
        while not Answers.count:
            assert conductor.poll() is None
            time.sleep(0.1)
        for number, after in ((1, 10), (3, FIRST - 10 - DOWN_SECONDS - 2)):
            time.sleep(after)
            set_cable(lead, number, "down")
            time.sleep(DOWN_SECONDS)
            set_cable(lead, number, "up")
        assert conductor.wait(timeout=240) == 0
        tell(folder, logs)


def tell(folder: Path, logs: list[Path]) -> None:
    """What came of it."""
    (record,), (parquet,) = folder.rglob("*_run.json"), folder.rglob("*_samples.parquet")
    run, samples = read_run(record), read_samples(parquet)
    print(describe_machine())
    print(f"{len(samples)} samples of {RATE * FIRST + RATE * SECOND} due, {Answers.count} requests were answered")
    intended = np.sort(samples["intended_ns"].to_numpy())
    gaps = np.diff(intended)
    off = np.sort(np.abs(gaps - 1e9 / RATE))[-2]  # but for the one between the stages
    failed = len(samples) - samples["error"].null_count
    print(f"gaps off by {off:.0f} ns at most within stages; {failed} requests failed")
    for stage in run.stages:
        print(f"stage: due {stage.due}, not started {stage.not_started}, note {stage.note}")
    errors = []
    for number, log in enumerate(logs, start=1):
        found = re.findall(r"the clock of the load is ([+-]\d+) ns from", log.read_text())
        errors.append(abs(int(found[0]) + number * 1000 * 1_000_000_000) / 1e6)
    print(f"clocks off by {np.median(errors):.3f} ms in the median, {max(errors):.3f} ms at most")


if __name__ == "__main__":
    main()
