"""How many samples a second the conductor of a load takes from twenty workers.

The conductor is a real one, with the token's encryption, the stream on disk and Locust's statistics. Its workers
only speak as such: each has two messages under way, of as many samples as a worker sends in a second, and sends
the next when one is taken.
"""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import msgpack
import numpy as np
import psutil
import pyarrow as pa
import zmq

from harness import CLIENT, SERVER, Figure, on_core, publish
from mmebench.formats.tensors import TensorSpec
from mmebench.load.asked_kind import AskedKind
from mmebench.load.client.recorder import ROW
from mmebench.load.job import LoadJob
from mmebench.load.messages import BeginStage, Drain, EndStage, Ready, Samples, Taken
from mmebench.load.processes.events import Live
from mmebench.load.processes.keys import make_keys
from mmebench.load.processes.process import offer_load
from mmebench.load.processes.token import VARIABLE
from mmebench.spec import Profile, Stage, Workload
from mmebench.spec.workload import Workers

WORKERS = 20
ROWS = 5000
AHEAD = 2
SECONDS = 8
ROUNDS = 3
WANTED = 100_000
PORT = 25557


@dataclass
class Speaker:
    """A worker that has samples without asking for any."""

    name: str
    socket: "zmq.Socket[bytes]"
    number: int = 0
    begun: bool = False
    under_way: int = 0

    def say(self, kind: str, said: object) -> None:
        """As Locust would."""
        self.socket.send(msgpack.dumps((kind, said, self.name)))

    def hear(self, kind: str, said: dict[str, object]) -> bool:
        """Answer; False when the load is over."""
        match kind:
            case "ack":
                self.say(Ready.name, {})
            case "spawn":
                counts = said["user_classes_count"]
                assert isinstance(counts, dict)
                users = {"user_classes_count": counts, "user_count": sum(counts.values())}
                self.say("spawning_complete", users)
            case BeginStage.name:
                self.begun = True
            case Taken.name:
                self.under_way -= 1
            case EndStage.name:
                self.begun = False
                report = {"stage": said["stage"], "cpu": 0.5, "lag_p99": 0.1, "not_started": None}
                self.send(0, report=report)
            case Drain.name:
                self.send(0, drained=True)
            case "quit":
                return False
        return True

    def send(self, rows: int, **more: Any) -> None:
        """So many samples, made up."""
        made = np.zeros(rows, ROW)
        now = time.monotonic_ns()
        made["end_ns"] = now - np.arange(rows)[::-1] * (1_000_000_000 // ROWS)
        made["start_ns"] = made["intended_ns"] = made["end_ns"] - np.random.default_rng(0).integers(
            5_000_000, 50_000_000, rows
        )
        made["first_byte_ns"] = made["end_ns"] - 1000
        made["status"], made["cold"], made["response_bytes"] = 200, 0, 400
        made["key"] = np.arange(rows) % 2
        self.say(Samples.name, Samples(made.tobytes(), [], number=self.number, **more).data())
        self.number += 1
        self.under_way += 1


def speak() -> None:
    """All workers, in a process of their own."""
    keys, context, poller = make_keys(os.environ[VARIABLE]), zmq.Context(), zmq.Poller()
    speakers: dict[zmq.Socket[bytes], Speaker] = {}
    for number in range(WORKERS):
        socket: zmq.Socket[bytes] = context.socket(zmq.DEALER)
        speaker = Speaker(f"host{number}_{number}", socket)
        socket.setsockopt(zmq.IDENTITY, speaker.name.encode())
        socket.setsockopt(zmq.CURVE_SERVERKEY, keys.conductor.public)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.worker.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, keys.worker.secret)
        socket.connect(f"tcp://127.0.0.1:{PORT}")
        speaker.say("client_ready", -1)
        poller.register(socket, zmq.POLLIN)
        speakers[socket] = speaker
    beat = time.monotonic()
    while speakers:
        for socket, _ in poller.poll(100):
            kind, said, _ = msgpack.loads(socket.recv())
            if not speakers[socket].hear(kind, said):
                poller.unregister(socket)
                del speakers[socket]
        for speaker in speakers.values():
            while speaker.begun and speaker.under_way < AHEAD:
                speaker.send(ROWS)
        if time.monotonic() > beat + 1:
            beat = time.monotonic()
            for speaker in speakers.values():
                state = "running" if speaker.begun else "ready"
                speaker.say("heartbeat", {"state": state, "current_cpu_usage": 1, "current_memory_usage": 1})


def measure() -> tuple[float, float]:
    """Samples a second, and samples a second of the conductor's CPU."""
    marks: list[tuple[float, float]] = []

    def look(live: Live) -> Live:
        (conductor,) = (
            child
            for child in psutil.Process().children()
            if any("locustfile.py" in word for word in child.cmdline())
        )
        used = conductor.cpu_times()
        marks.append((live.successes, used.user + used.system))
        return live

    with tempfile.TemporaryDirectory() as folder:
        workload = Workload(
            profile=Profile(stages=(Stage(users=WORKERS, duration=SECONDS, warmup=1),)),
            workers=Workers(listen=f"127.0.0.1:{PORT}", count=WORKERS),
        )
        inputs = (TensorSpec(name="x", datatype="FP32", shape=(4,)),)
        job = LoadJob(
            url="http://127.0.0.1:1",
            endpoint_name="none",
            region="us-east-1",
            kinds=(AskedKind.only(workload, ("a.tar.gz", "b.tar.gz"), inputs, 8),),
            workload=workload,
            samples=Path(folder, "samples.arrows"),
        )
        with on_core(CLIENT):
            workers = subprocess.Popen([sys.executable, __file__, "speak"])
        with on_core(SERVER):
            offer_load(job, Path(folder, "load"), Path(folder, "load.log"), look, lambda stage: None)
        workers.wait(timeout=20)
        with pa.OSFile(str(job.samples)) as file:
            taken = sum(len(batch) for batch in pa.ipc.open_stream(file))
    counted = sum(successes for successes, _ in marks[1:])
    return taken / SECONDS, counted / (marks[-1][1] - marks[0][1])


def main() -> None:
    """Three rounds, with a token of their own."""
    os.environ[VARIABLE] = secrets.token_hex(32)
    rates, by_cpu = zip(*(measure() for _ in range(ROUNDS)), strict=True)
    figures = [
        Figure(
            name, median(rates), "samples/s", "target", median(rates) / WANTED, ">= 1x", min(rates) >= WANTED, runs
        )
        for name, rates, runs in (
            ("taken by the conductor", rates, {"ours": list(rates)}),
            ("a second of its CPU", by_cpu, {"ours": list(by_cpu)}),
        )
    ]
    publish("conductor", figures)


if __name__ == "__main__":
    speak() if sys.argv[1:] == ["speak"] else main()
