"""``python stranger.py PORT [TOKEN]``: somebody who is no worker speaks to the conductor of a load, and no good.

Everything is sent to 127.0.0.1 at PORT; what needs the right TOKEN is sent with it alone.
"""

import socket
import sys
import time
from contextlib import suppress

import msgpack
import numpy as np
import zmq

from mmebench.load.client.recorder import ROW
from mmebench.load.processes.keys import make_keys


def connect(port: str, name: bytes, token: str | None) -> "zmq.Socket[bytes]":
    dealer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    dealer.setsockopt(zmq.IDENTITY, name)
    dealer.setsockopt(zmq.LINGER, 0)
    if token is not None:
        keys = make_keys(token)
        dealer.setsockopt(zmq.CURVE_SERVERKEY, keys.conductor.public)
        dealer.setsockopt(zmq.CURVE_PUBLICKEY, keys.worker.public)
        dealer.setsockopt(zmq.CURVE_SECRETKEY, keys.worker.secret)
    dealer.connect(f"tcp://127.0.0.1:{port}")
    return dealer


def samples() -> bytes:
    rows = np.zeros(50_000, ROW)
    rows["start_ns"] = rows["intended_ns"] = rows["end_ns"] = time.monotonic_ns()
    return rows.tobytes()


def join_and_lie(port: str, token: str | None) -> None:
    """As a worker would, but for the truth."""
    dealer = connect(port, b"stranger", token)
    for kind, said in [
        ("client_ready", "2.47.0"),
        ("mmebench_samples", {"rows": samples(), "errors": [], "report": None, "drained": False}),
        ("quit", None),
    ]:
        with suppress(zmq.Again):  # the handshake has failed already
            dealer.send(msgpack.dumps((kind, said, "stranger")), zmq.NOBLOCK)
    assert not dealer.poll(1000), "nobody answers"
    dealer.close()


def send_garbage(port: str) -> None:
    for garbage in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(60),
        b"\x00" * 5000,
    ):
        with socket.create_connection(("127.0.0.1", int(port))) as connection:
            connection.sendall(garbage)
            time.sleep(0.1)


def speak_nonsense(port: str, token: str) -> None:
    """With the token, so that it is heard; nothing of it is a message of a worker."""
    dealer = connect(port, b"stranger", token)
    for frame in (
        b"",
        b"\xc1",
        b"\x93\xa1a",
        b"\xdd\xff\xff\xff\xff",
        b"\x91" * 5000,
        msgpack.dumps({"no": "message"}),
        msgpack.dumps((1, 2, 3)),
        msgpack.dumps(("heartbeat", None, "another")),
        msgpack.dumps(("heartbeat", {"__datetime__": True, "as_str": "no date"}, "stranger")),
        msgpack.dumps(("client_ready", 7, "stranger")),
        msgpack.dumps(("stats", msgpack.ExtType(3, b"x"), "stranger")),
        msgpack.dumps(("mmebench_samples", {"rows": samples(), "errors": [], "drained": False}, "stranger")),
    ):
        dealer.send(frame)
    dealer.send_multipart([b"one", b"too", b"many"])
    time.sleep(1)
    dealer.close()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        join_and_lie(sys.argv[1], None)
        join_and_lie(sys.argv[1], "of another load" * 4)
        send_garbage(sys.argv[1])
    else:
        speak_nonsense(sys.argv[1], sys.argv[2])
