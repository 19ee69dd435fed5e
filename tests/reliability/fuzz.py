"""``python -m reliability.fuzz COUNT [SEED]``: malformed requests to a local endpoint with a real Triton.

Half are wrong as HTTP, half as inference requests. None may end Triton, hang, or get a wrong answer; others ask
for right answers all the while. What was found is printed, and the exit status is 1 where anything was.
"""

import contextlib
import json
import random
import socket
import struct
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from mmebench.endpoints.local import LocalEndpoint, start
from mmebench.server.containers.v2_codec import RequestError, decode
from mmebench.spec import LocalEndpoint as Spec
from support.invocations import BINARY, invoke, runtime_client
from support.tiny_models import expected, onnx_archive

OFFSET = 7
WIDTH = 4
THREADS = 8
SECONDS = 20
"""For an answer, or the end of the connection."""
MIB = 1024 * 1024

_NUMBERS = (0, 1, -1, 2, 3, 4, 2**31 - 1, 2**31, 2**32, 2**62, 2**63, 2**64, 10**30, 1.5, 1e308)
_WORDS = ("", "x", "y", "FP32", "FP16", "BYTES", "INT64", "BOOL", "é", "\x00", "\udcff", "x" * 5000)
_HEADER_LINES = (
    b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 0", b"Content-Length: 5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Expect: 100-continue", b"Connection: close",
    b"Connection: upgrade", b"Upgrade: h2c", b"Host: x", b"Host:", b"X: " + b"y" * 9000, b" folded", b"no colon",
    b"Content-Type: text/plain", b"Content-Type: %b" % BINARY.encode(), b"Origin: null", b"\x00: \xff",
    b"X-Amzn-SageMaker-Target-Model: nothing.tar.gz", b"X-Amzn-SageMaker-Target-Model: ../../etc/passwd",
)  # fmt: skip
_BYTES = (
    b"",
    b"\r\n",
    b"\r\n\r\n",
    b"\x00",
    b"\xff" * 8,
    b"[" * 3000,
    b"{" * 3000,
    b'"shape":[9,9]',
    b"0\r\n\r\n",
    b"%",
)


@dataclass
class Found:
    """What came of the requests."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: str, fault: str = "") -> None:
        with self.lock:
            self.outcomes[outcome] += 1
            if fault:
                self.faults.append(fault)


def message(body: bytes, content_type: str) -> bytes:
    """A whole request for the one target."""
    return (
        "POST /endpoints/local/invocations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: {content_type}\r\nX-Amzn-SageMaker-Target-Model: a.tar.gz\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def inference(chance: random.Random, *, binary: bool) -> tuple[dict[str, Any], bytes]:
    """A right request and the tensor behind it."""
    rows = chance.randint(1, 4)
    values = np.array([chance.randint(-1000, 1000) for _ in range(rows * WIDTH)], np.float32)
    item: dict[str, Any] = {"name": "x", "shape": [rows, WIDTH], "datatype": "FP32"}
    if not binary:
        return {"inputs": [item | {"data": values.tolist()}]}, b""
    item["parameters"] = {"binary_data_size": values.nbytes}
    return {"inputs": [item], "parameters": {"binary_data_output": True}}, values.tobytes()


def anything(chance: random.Random, depth: int = 0) -> Any:
    """Some JSON."""
    kind = chance.randrange(8 if depth < 4 else 5)
    if kind < 2:
        return chance.choice(_NUMBERS)
    if kind < 5:
        return chance.choice((chance.choice(_WORDS), None, True, False))
    items = [anything(chance, depth + 1) for _ in range(chance.randrange(5))]
    return items if kind < 7 else {chance.choice(_WORDS): item for item in items}


def spoilt(chance: random.Random, document: Any) -> Any:
    """The same with something in it changed, left out or added."""
    if isinstance(document, dict) and document and chance.random() < 0.9:
        key = chance.choice(list(document))
        action = chance.randrange(8)
        if action == 0:
            return {name: value for name, value in document.items() if name != key}
        if action == 1:
            return document | {chance.choice(("shape", "data", "parameters", "id", *_WORDS)): anything(chance)}
        return document | {key: spoilt(chance, document[key])}
    if isinstance(document, list) and document and chance.random() < 0.9:
        place = chance.randrange(len(document))
        if chance.random() < 0.2:
            return document[:place] + document[place:] * chance.choice((0, 2, 50))
        return [*document[:place], spoilt(chance, document[place]), *document[place + 1 :]]
    return anything(chance)


def wrong_inference(chance: random.Random) -> bytes:
    """HTTP that is right, with a request that is not, or only by accident."""
    binary = chance.random() < 0.5
    document, tensors = inference(chance, binary=binary)
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        document = spoilt(chance, document)
    text = json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        text = text.replace(b"shape", b"sh\\u0061pe")
    if chance.random() < 0.2:
        tensors = chance.choice(
            (b"", tensors[:-1], tensors * 3, struct.pack("<I", 2**32 - 1) + tensors, tensors[4:])
        )
    size = len(text) if chance.random() < 0.9 else chance.choice((0, -1, 1, len(text) - 1, len(text) + 1, 10**12))
    return message(text + tensors, f"{BINARY}{size}" if binary else "application/json")


def wrong_http(chance: random.Random) -> bytes:
    """A right request that was damaged on its way."""
    document, tensors = inference(chance, binary=False)
    data = message(json.dumps(document).encode() + tensors, "application/json")
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(data) + 1)
        action = chance.randrange(7)
        if action == 0:
            data = data[:place]
        elif action == 1:
            data = data[:place] + chance.randbytes(chance.randrange(1, 20)) + data[place:]
        elif action == 2:
            data = data[:place] + chance.choice(_BYTES) + data[place:]
        elif action == 3:
            data = data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]
        elif action == 4:
            lines = data.split(b"\r\n")
            lines.insert(chance.randrange(len(lines)), chance.choice(_HEADER_LINES))
            data = b"\r\n".join(lines)
        elif action == 5:
            data = data * 2
        else:
            data = chance.randbytes(chance.randrange(200))
    return data


def exchange(port: int, data: bytes, patience: float) -> bytes:
    """All that the endpoint says; once it is silent for ``patience`` seconds it hears that nothing more comes."""
    said: list[bytes] = []
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        try:
            connection.sendall(data)
            connection.settimeout(patience)
            with contextlib.suppress(TimeoutError):
                said += iter(lambda: connection.recv(65536), b"")
                return b"".join(said)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(SECONDS)
            said += iter(lambda: connection.recv(65536), b"")
        except (ConnectionResetError, BrokenPipeError):
            pass  # it has heard enough
    return b"".join(said)


def right_answer(sent: bytes) -> list[float] | None:
    """What is to be computed for a request, where it can be told."""
    head, _, body = sent.partition(b"\r\n\r\n")
    marker = b"json-header-size="
    size = head.partition(marker)[2].partition(b"\r\n")[0]
    try:
        (array,) = decode(body, int(size) if marker in head else None).inputs.values()
    except (RequestError, ValueError):
        return None
    return [float(value) for value in (array.astype(np.float32) * np.float32(3) + np.float32(OFFSET)).ravel()]


def answered(said: bytes) -> list[float] | None:
    """The numbers in an answer of status 200; None where it is another answer."""
    head, _, body = said.partition(b"\r\n\r\n")
    marker = b"json-header-size="
    size = int(head.partition(marker)[2].partition(b"\r\n")[0]) if marker in head else len(body)
    try:
        (output,) = json.loads(body[:size])["outputs"]
    except (ValueError, KeyError):
        return None
    if "data" in output:
        return [float(value) for value in output["data"]]
    return [float(value) for value in np.frombuffer(body[size:], np.float32)]


def send(port: int, chance: random.Random, found: Found) -> None:
    """One malformed request, judged."""
    as_http = chance.random() < 0.5
    data = (wrong_http if as_http else wrong_inference)(chance)
    try:
        said = exchange(port, data, 0.1 if as_http else SECONDS)  # damaged HTTP may look as if more came
    except TimeoutError:
        found.add("no answer", f"no answer and no end within {SECONDS} s: {data[:500]!r}")
        return
    status = said[9:12].decode("ascii", "replace") if said else "closed"
    fault = ""
    if said and not said.startswith(b"HTTP/1.1 "):
        fault = f"an answer that is not HTTP: {said[:200]!r} to {data[:500]!r}"
    elif (
        status == "200" and not as_http and (wanted := right_answer(data)) is not None and answered(said) != wanted
    ):
        fault = f"a wrong answer: {said[-300:]!r} to {data[-500:]!r}"
    elif status.startswith("5") and b"InternalFailure" in said:
        fault = f"an internal failure: {said[-300:]!r} to {data[:800]!r}"
    found.add(status, fault)


def bystander(url: str, ended: threading.Event, found: Found) -> None:
    """Somebody who gets right answers all the while."""
    client, number = runtime_client(url), 0
    while not ended.wait(0.02):
        number += 1
        values = [[float(number), 1.0, 2.0, 3.0]]
        try:
            right = invoke(client, "a.tar.gz", values) == expected(values, OFFSET)
        except Exception as error:
            found.add("bystander refused", f"a bystander was refused: {error}")
        else:
            found.add("bystander", "" if right else "a bystander got a wrong answer")


def attack(endpoint: LocalEndpoint, count: int, seed: int, found: Found) -> None:
    """So many requests from several threads, each with a sequence of its own."""
    port = int(endpoint.url.rpartition(":")[2])
    ended = threading.Event()

    def work(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        for _ in range(count // THREADS):
            send(port, chance, found)

    def guarded(work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as error:
            found.add("defect", f"the attacker itself failed: {error!r}")

    attackers = [threading.Thread(target=guarded, args=(work, number)) for number in range(THREADS)]
    other = threading.Thread(target=bystander, args=(endpoint.url, ended, found))
    for thread in (*attackers, other):
        thread.start()
    for thread in attackers:
        thread.join()
    ended.set()
    other.join()


def fuzz(folder: Path, count: int, seed: int) -> Found:
    """An endpoint of its own, attacked; the faults hold all that must not be."""
    found = Found()
    (folder / "store").mkdir()
    log = folder / "serve.log"
    with start(Spec(container="triton", memory="2GiB"), folder / "store", log) as endpoint:
        endpoint.add_targets(onnx_archive(folder / "a.tar.gz", OFFSET), ["a.tar.gz"])
        router = psutil.Process(endpoint.pid)
        attack(endpoint, min(count, 2000), seed - 1, found)  # what it takes once is no loss
        before = router.memory_info().rss
        attack(endpoint, count, seed, found)
        grown = router.memory_info().rss - before
        counters = endpoint.counters()
    assert counters is not None
    found.outcomes["router's growth in MiB"] = grown // MIB
    found.outcomes["log in KiB"] = log.stat().st_size // 1024
    if counters.container_deaths:
        found.faults.append(f"Triton died {counters.container_deaths} times")
    if grown > 20 * MIB:
        found.faults.append(f"the router grew by {grown / MIB:.1f} MiB")
    if log.stat().st_size > 2 * MIB:
        found.faults.append(f"the log has {log.stat().st_size / MIB:.1f} MiB")
    return found


def main() -> None:
    """From the command line."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(Path(folder), count, seed)
    for outcome, number in found.outcomes.most_common():
        print(f"{outcome:24} {number:8,}")
    for fault in found.faults[:20]:
        print(fault)
    print(f"{len(found.faults)} faults in {count:,} requests, seed {seed}")
    sys.exit(bool(found.faults))


if __name__ == "__main__":
    main()
