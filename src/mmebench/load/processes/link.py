"""The link: sockets for Locust's messages that only holders of the token can use.

CurveZMQ (https://rfc.zeromq.org/spec/26) encrypts, authenticates and numbers every frame, with keys that are made
from the token: without it nobody gets past the handshake, or reads a frame. What comes through is plain data, or
dropped.
"""

import logging
import secrets
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import gevent
import msgpack
import zmq.green as zmq
from gevent.event import Event
from locust import runners
from locust.exception import RPCError
from locust.rpc.protocol import Message
from locust.rpc.zmqrpc import BaseSocket
from locust.runners import MasterRunner
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from mmebench.load.processes.keys import Keys, make_keys

_log = logging.getLogger(__name__)
_LARGEST_MESSAGE = 64 << 20
"""Bytes; a second's samples are 64 each."""
_HANDSHAKE_SECONDS = 10
_KNOCKING_SECONDS = 3
"""Who has connected to the conductor takes one of its files, and is dropped when the handshake is not done by
then. One second is enough for a host at the other end of the world."""
_KNOCK_SECONDS = 30
_STATISTICS = {"stats", "stats_total", "errors", "user_classes_count"}
"""What Locust's report of a worker has; an error in those who hear of it would count as one of the load's."""
_ZAP = "inproc://zeromq.zap.01"
"""Where libzmq asks who may come in: https://rfc.zeromq.org/spec/27."""
_REFUSED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


class Link:
    """What a process has of it before Locust makes the sockets."""

    def __init__(self, token: str | None) -> None:
        """Args: ``token`` is that of the load; None leaves the link open to whoever reaches it."""
        self._keys = None if token is None else make_keys(token)
        self._when_connected: list[Callable[[], object]] = []

    def use(self) -> None:
        """Have the runners that Locust makes from now on speak to each other over this link."""
        # Locust's runners look these two up here, and nothing else.
        runners.rpc = SimpleNamespace(  # type: ignore[assignment, attr-defined]  # a module
            Server=partial(Server, keys=self._keys),
            Client=partial(Client, keys=self._keys, when_connected=self._connected),
        )

    def when_connected(self, do: Callable[[], object]) -> None:
        """Call this whenever a worker's end is connected: at first, and after each loss of the link."""
        self._when_connected.append(do)

    def _connected(self) -> None:
        for do in self._when_connected:
            do()

    def await_conductor(self, host: str, port: int) -> None:
        """Return as soon as a load is led there, which may take for ever."""
        connected = Event()
        while not connected.is_set():
            # libzmq gives a connection up that met something else: knock anew from time to time.
            knock = Client(host, port, f"knock_{secrets.token_hex(8)}", self._keys, connected.set)
            connected.wait(_KNOCK_SECONDS)
            knock.close(linger=0)


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

    def __init__(self, kind: int, host: str, refused: str, when_connected: Callable[[], object]) -> None:
        super().__init__(kind, self.ipv4_only(host, None))
        self.socket.setsockopt(zmq.MAXMSGSIZE, _LARGEST_MESSAGE)
        self.socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_SECONDS * 1000)
        self._malformed = Tally("dropped a message that is none")
        self._refused = Tally(refused)
        self._when_connected = when_connected
        self._watch()

    def _watch(self) -> None:
        """Tell of handshakes from now on."""
        monitor = self.socket.get_monitor_socket(_REFUSED | zmq.EVENT_HANDSHAKE_SUCCEEDED)

        def listen() -> None:
            while True:
                event = parse_monitor_message(monitor.recv_multipart())
                match event["event"]:
                    case zmq.EVENT_MONITOR_STOPPED:
                        return
                    case zmq.EVENT_HANDSHAKE_SUCCEEDED:
                        self._when_connected()
                    case _:
                        self._refused.add(event["endpoint"].decode(errors="replace"))

        gevent.spawn(listen)

    def _receive(self) -> list[bytes]:
        try:
            frames: list[bytes] = self.socket.recv_multipart()
        except zmq.ZMQError as error:
            raise RPCError("ZMQ network broken") from error
        return frames

    def close(self, linger: int | None = None) -> None:
        """End it; as Locust asks for it."""
        self.socket.disable_monitor()
        super().close(linger)


class Server(_Socket):
    """The conductor's end; in place of Locust's."""

    def __init__(self, host: str, port: int, keys: Keys | None) -> None:
        """Raises RPCError: somebody else listens there."""
        super().__init__(zmq.ROUTER, host, "turned away somebody without the token of this load, at", lambda: None)
        self.port = port
        self.socket.setsockopt(zmq.HANDSHAKE_IVL, _KNOCKING_SECONDS * 1000)
        # A worker that has lost its link comes back before the loss of the old one is known.
        self.socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        if keys is not None:
            self._admit(keys.worker.public)
            self.socket.setsockopt(zmq.CURVE_SERVER, 1)
            self.socket.setsockopt(zmq.CURVE_SECRETKEY, keys.conductor.secret)
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

    def reaches(self, node: str) -> bool:
        """Whether the connection of a worker stands; it may have said nothing for a while."""
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        try:
            heartbeat = Message("heartbeat", None, node)
            self.socket.send_multipart([node.encode(), heartbeat.serialize()], zmq.NOBLOCK)
        except zmq.Again:
            return True  # and much waits there to be sent
        except zmq.ZMQError:
            return False
        finally:
            self.socket.setsockopt(zmq.ROUTER_MANDATORY, 0)
        return True


class Client(_Socket):
    """A worker's end; in place of Locust's."""

    def __init__(
        self, host: str, port: int, identity: str, keys: Keys | None, when_connected: Callable[[], object]
    ) -> None:
        super().__init__(zmq.DEALER, host, "the load has another token than this host, at", when_connected)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        if keys is not None:
            self.socket.setsockopt(zmq.CURVE_SERVERKEY, keys.conductor.public)
            self.socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.worker.public)
            self.socket.setsockopt(zmq.CURVE_SECRETKEY, keys.worker.secret)
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
            if message.type == "stats" and (missing := _STATISTICS - message.data.keys()):
                raise ValueError(f"there is no {', '.join(missing)} in it")
            handle(node, message)
        except Exception as error:
            wrong.add(f"{message.type} of {node}: {error!r}")

    runner.handle_message = hear  # type: ignore[method-assign, assignment]  # no hook


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
