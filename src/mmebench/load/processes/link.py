"""The link: sockets for Locust's messages that only holders of the token can use.

CurveZMQ (https://rfc.zeromq.org/spec/26) encrypts, authenticates and numbers every frame. Both of its key pairs
are made from the token: the conductor's, by which workers know it, and the workers', which it asks for. Without
the token nobody gets past the handshake, or reads a frame.

What comes through is plain data, or dropped: see :func:`_decode`.
"""

import hashlib
import logging
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import gevent
import msgpack
import zmq.green as zmq
from locust import runners
from locust.exception import RPCError
from locust.rpc.protocol import Message
from locust.rpc.zmqrpc import BaseSocket
from locust.runners import MasterRunner
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

_log = logging.getLogger(__name__)
_LARGEST_MESSAGE = 64 << 20
"""Bytes; a second's samples are 64 each."""
_HANDSHAKE_SECONDS = 10
_ZAP = "inproc://zeromq.zap.01"
"""Where libzmq asks who may come in: https://rfc.zeromq.org/spec/27."""
_REFUSED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


def use_link(token: str | None) -> None:
    """Have the runners that Locust makes from now on speak to each other over this link.

    Args:
        token: of the load; None leaves the link open to whoever reaches it.
    """
    keys = None if token is None else make_keys(token)
    # Locust's runners look these two up here, and nothing else.
    runners.rpc = SimpleNamespace(  # type: ignore[assignment, attr-defined]
        Server=partial(Server, keys=keys), Client=partial(Client, keys=keys)
    )


def hear_workers(runner: MasterRunner) -> None:
    """Drop each message that Locust fails on, and send away workers of another load.

    Locust's listener would end with the first that it fails on. A worker of an earlier load that comes back when
    another one listens at its address was never told of this load, and has nothing to say in it.
    """
    handle, wrong = runner.handle_message, Tally("dropped a message that says what cannot be")

    def hear(node: str, message: Message) -> None:
        if message.type != "client_ready" and node not in runner.worker_indexes:
            runner.send_message("quit", client_id=node)
            return
        try:
            handle(node, message)
        except Exception as error:
            wrong.add(f"{message.type} of {node}: {error!r}")

    runner.handle_message = hear  # type: ignore[method-assign, assignment]


class KeyPair(NamedTuple):
    """Of Curve25519, as text in Z85."""

    public: bytes
    secret: bytes


class Keys(NamedTuple):
    """Both ends of the link."""

    conductor: KeyPair
    worker: KeyPair


def make_keys(token: str) -> Keys:
    """The same for the same token; to find a token from what is sent takes 50 ms a guess."""
    secrets = hashlib.scrypt(token.encode(), salt=b"mmebench link", n=1 << 14, r=8, p=1, dklen=64)
    return Keys(*(_pair(secrets[at : at + 32]) for at in (0, 32)))


def _pair(secret: bytes) -> KeyPair:
    encoded = z85.encode(secret)
    return KeyPair(zmq.curve_public(encoded), encoded)


class Tally:
    """Counts what is turned away. The first is logged, then ever fewer: strangers shall fill no disk."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._count = 0

    def add(self, why: object) -> None:
        """One more."""
        self._count += 1
        if self._count & (self._count - 1) == 0:
            _log.warning("%s: %s (%d so far)", self._what, why, self._count)


class _Socket(BaseSocket):
    """What both ends have in common."""

    def __init__(self, kind: int, host: str) -> None:
        super().__init__(kind, self.ipv4_only(host, None))
        self.socket.setsockopt(zmq.MAXMSGSIZE, _LARGEST_MESSAGE)
        self.socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_SECONDS * 1000)
        self._malformed = Tally("dropped a message that is none")

    def _tell_refused(self, what: str) -> None:
        """Log handshakes that fail from now on."""
        monitor, refused = self.socket.get_monitor_socket(_REFUSED), Tally(what)

        def listen() -> None:
            while True:
                event = parse_monitor_message(monitor.recv_multipart())
                if event["event"] == zmq.EVENT_MONITOR_STOPPED:
                    return
                refused.add(event["endpoint"].decode(errors="replace"))

        gevent.spawn(listen)

    def _receive(self) -> list[bytes]:
        try:
            frames: list[bytes] = self.socket.recv_multipart()
        except zmq.ZMQError as error:
            raise RPCError("ZMQ network broken") from error
        return frames


class Server(_Socket):
    """The conductor's end; in place of Locust's."""

    def __init__(self, host: str, port: int, keys: Keys | None) -> None:
        """Raises RPCError: somebody else listens there."""
        super().__init__(zmq.ROUTER, host)
        self.port = port
        # A worker that has lost its link comes back before the loss of the old one is known.
        self.socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        if keys is not None:
            self._admit(keys.worker.public)
            self.socket.setsockopt(zmq.CURVE_SERVER, 1)
            self.socket.setsockopt(zmq.CURVE_SECRETKEY, keys.conductor.secret)
            self._tell_refused("turned away somebody without the token of this load, at")
        try:
            self.socket.bind(f"tcp://{host}:{port}")
        except zmq.ZMQError as error:
            raise RPCError(f"Socket bind failure: {error}") from error

    def _admit(self, public: bytes) -> None:
        """Let in those only whose key this is."""
        door = self.socket.context.socket(zmq.REP)
        door.bind(_ZAP)
        expected = [b"CURVE", z85.decode(public)]

        def answer() -> None:
            while True:
                version, request, _domain, _address, _identity, *who = door.recv_multipart()
                status = b"200" if who == expected else b"400"
                door.send_multipart([version, request, status, b"", b"", b""])

        gevent.spawn(answer)

    def recv_from_client(self) -> tuple[str, Message]:
        """The next message that is one, and whose it is; others are dropped."""
        while True:
            frames = self._receive()
            try:
                node, data = frames
                message = _decode(data)
                if message.node_id.encode() != node:
                    raise ValueError("it bears the name of another worker")
            except (ValueError, TypeError) as error:
                self._malformed.add(error)
                continue
            return message.node_id, message


class Client(_Socket):
    """A worker's end; in place of Locust's."""

    def __init__(self, host: str, port: int, identity: str, keys: Keys | None) -> None:
        super().__init__(zmq.DEALER, host)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        if keys is not None:
            self.socket.setsockopt(zmq.CURVE_SERVERKEY, keys.conductor.public)
            self.socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.worker.public)
            self.socket.setsockopt(zmq.CURVE_SECRETKEY, keys.worker.secret)
            self._tell_refused("the tokens of this host and of the load differ, at")
        self.socket.connect(f"tcp://{host}:{port}")

    def recv(self) -> Message:
        """The next message that is one; others are dropped."""
        while True:
            frames = self._receive()
            try:
                (data,) = frames
                return _decode(data)
            except (ValueError, TypeError) as error:
                self._malformed.add(error)


def _decode(data: bytes) -> Message:
    """A message of Locust's: its name, what it says, and of or for which worker; plain data and nothing that acts.

    Raises:
        ValueError, TypeError: it is none.
    """
    kind, said, node = msgpack.unpackb(data, strict_map_key=False, ext_hook=_no_extension)
    if not isinstance(kind, str) or not isinstance(node, str):
        raise ValueError("it has no name")
    return Message(kind, said, node)


def _no_extension(code: int, data: bytes) -> None:
    raise ValueError(f"it has an extension of MessagePack in it, {code}")
