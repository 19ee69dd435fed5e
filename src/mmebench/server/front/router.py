"""The HTTP front of a local endpoint: the SageMaker Runtime API on one side, the container on the other."""

import asyncio
import dataclasses
import logging
import math
import time
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from mmebench.server.endpoint_metrics import EndpointMetrics
from mmebench.server.front.exchange import Exchange
from mmebench.server.front.instance import Instance
from mmebench.server.front.metrics import CONTENT_TYPE, exposition
from mmebench.server.front.operations import other_operation
from mmebench.server.front.origins import Origins
from mmebench.server.front.residency import find_residency
from mmebench.server.front.routing import Choose
from mmebench.server.front.selection import find_selection, is_invocation_of_any
from mmebench.server.front.served import Served
from mmebench.spec.hosting import Hosting
from mmebench.wire import answers
from mmebench.wire.addresses import BODY_LIMIT
from mmebench.wire.http_server import CLOSE, HttpConnection, Request
from mmebench.wire.verification import SignatureCheck

_log = logging.getLogger(__name__)
_STALL_SECONDS = 60.0
"""A client that does not take its answer for so long is cut off, for the target cannot be evicted before."""
_CHECK_SECONDS = 1.0
"""How often clients and the container are looked at for whether they take too long."""


class Router(Served):
    """Has a protocol for each connection, and answers the endpoint's own questions."""

    def __init__(
        self,
        name: str,
        instances: Sequence[Instance],
        metrics: EndpointMetrics,
        choose: Choose,
        hosting: Hosting,
        origins: Origins,
        most_connections: int,
        signatures: SignatureCheck | None = None,
    ) -> None:
        """So many connections at once; invocations must be signed where ``signatures`` are to be checked."""
        super().__init__(name, instances, metrics, choose, find_selection(hosting))
        self._most_connections = most_connections
        self.origins = origins
        self.signatures = signatures
        self.connections: dict[ClientConnection, None] = {}
        """In the order in which they came."""
        self._endpoint = f"/endpoints/{name}".encode()
        self.invocations = self._endpoint + b"/invocations"
        self._of_any = hosting == "single"
        self._tasks: set[asyncio.Task[None]] = set()

    def connection(self) -> "ClientConnection":
        """The protocol of a new connection."""
        return ClientConnection(self) if self.signatures is None else SignedConnection(self, self.signatures)

    def admit(self, connection: "ClientConnection") -> None:
        """One more; where there are as many as may be, the oldest goes that asks for nothing, or else this one."""
        if len(self.connections) >= self._most_connections:
            _log.warning("%d connections are as many as may be; closing an idle one", self._most_connections)
            idle = (other for other in self.connections if other.idle and not other.transport.is_closing())
            next(idle, connection).transport.abort()
        self.connections[connection] = None

    def is_invocation(self, request: Request) -> bool:
        """Whether it asks for an answer of a model of ours."""
        path = request.head.path
        ours = path == self.invocations or (self._of_any and is_invocation_of_any(path))
        return ours and request.head.method == b"POST"

    def serve(self, connection: "ClientConnection", request: Request) -> None:
        """Answer everything but an invocation of this endpoint."""
        path, method = request.head.path, request.head.method
        if path == b"/ping" and method in (b"GET", b"HEAD"):
            status = 200 if any(instance.container.ready.is_set() for instance in self.instances) else 503
            connection.answer(answers.document(status, {}, request.connection))
        elif path == b"/metrics" and method == b"GET":
            self._spawn(self._metrics(connection, request))
        elif path == self._endpoint and method == b"GET":
            about = {
                "EndpointName": self.name,
                "Container": self.instances[0].container.label,
                "LoadsAtOnce": sum(instance.loader.at_once for instance in self.instances),
            }
            connection.answer(answers.document(200, about, request.connection))
        elif path == self._endpoint + b"/changes" and method == b"GET":
            changes = [dataclasses.asdict(change) for change in self.changes]
            connection.answer(answers.document(200, {"changes": changes}, request.connection))
        elif path == self._endpoint + b"/residency" and method == b"GET":
            self._spawn(self._residency(connection, request))
        elif path == self._endpoint + b"/loads" and method == b"GET":
            loads = [dataclasses.asdict(load) for load in self.metrics.recent_loads]
            connection.answer(answers.document(200, {"loads": loads}, request.connection))
        else:
            refusal = other_operation(path, self._endpoint, self.name) if method == b"POST" else None
            if refusal is None:
                message = f"no {method.decode('ascii', 'replace')} {path[:200].decode('ascii', 'replace')} here"
                refusal = answers.RefusedError(404, "UnknownOperationException", message)
            connection.answer(refusal.answer(request.connection))

    async def watch(self) -> None:
        """Give up on clients, and on the container, that take too long; runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            long_ago = loop.time() - _STALL_SECONDS
            now = time.perf_counter()
            for connection in list(self.connections):
                connection.check_pace()
                connection.check_patience(now)
                if connection.held_since < long_ago:
                    _log.warning("a client did not read its answer for %g s", _STALL_SECONDS)
                    connection.transport.abort()

    def close(self) -> None:
        """Hang up on every client."""
        for connection in list(self.connections):
            connection.transport.abort()

    async def _residency(self, connection: "ClientConnection", request: Request) -> None:
        if request.head.target.endswith(b"?measure=now"):
            await asyncio.gather(*(_measure(instance) for instance in self.instances))
        if connection.current is request:
            body = dataclasses.asdict(find_residency(self))
            connection.answer(answers.document(200, body, request.connection))

    async def _metrics(self, connection: "ClientConnection", request: Request) -> None:
        targets = await self.targets()
        if connection.current is request:
            text = exposition(self.metrics, find_residency(self), targets)
            connection.answer(answers.text(text, CONTENT_TYPE, request.connection))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _measure(instance: Instance) -> None:
    await instance.loader.evictor.measure(fresh_seconds=0)
    await instance.loader.evictor.make_room()


class ClientConnection(HttpConnection):
    """One client.

    Attributes:
        held_since: the event loop's time when it was found that the client does not keep up with its answer;
            infinite while it does.
    """

    def __init__(self, router: Router) -> None:
        super().__init__(BODY_LIMIT)
        self.held_since = math.inf
        self._router = router
        self._exchange: Exchange | None = None

    def answer(self, data: bytes) -> None:
        """Answer the current request."""
        assert self.current is not None
        if self.current.head.method == b"HEAD":
            data = data[: data.index(b"\r\n\r\n") + 4]
        self.transport.write(data)
        self.request_ended()

    def exchange_ended(self) -> None:
        """The answer of the exchange is written."""
        self._exchange = None
        self.request_ended()

    def check_patience(self, now: float) -> None:
        """See that the container does not take too long for an answer; ``now`` by ``time.perf_counter``."""
        if self._exchange is not None:
            self._exchange.check_patience(now)

    @override
    def request_ready(self, request: Request) -> None:
        try:
            self._router.origins.check(request.head.headers)
        except answers.RefusedError as refused:
            self.deny(refused, request)
            return
        self.admitted(request)

    def admitted(self, request: Request) -> None:
        """No page of another site has sent it."""
        if self._router.is_invocation(request):
            self._exchange = Exchange(self._router, self, request)
            self._exchange.begin()
        else:
            self._router.serve(self, request)

    def deny(self, refused: answers.RefusedError, request: Request) -> None:
        """Answer a request whose sender may not ask."""
        _log.warning("%d %s: %s", refused.status, refused.error_type, refused)
        if self._router.is_invocation(request):
            self._router.metrics.invocations += 1
            self._router.metrics.refused(refused.status)
        self.answer(refused.answer(request.connection))

    @override
    def refuse(self, status: int, message: str) -> None:
        _log.warning("refused a request: %d %s", status, message)
        self._router.metrics.refused(status)
        # On AWS the first two come from the load balancer, so they carry no error type: boto3 shows the status.
        error_type = "ValidationError" if status == 400 else ""
        self.transport.write(answers.RefusedError(status, error_type, message).answer(CLOSE))

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._router.admit(self)

    @override
    def connection_lost(self, error: Exception | None) -> None:
        self._router.connections.pop(self, None)
        if self._exchange is not None:
            self._exchange.abandon()
            self._exchange = None
        self.drop()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self.held_since = self._now()
        if self._exchange is not None:
            self._exchange.hold_answer()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self.held_since = math.inf
        if self._exchange is not None:
            self._exchange.resume_answer()


class SignedConnection(ClientConnection):
    """A client whose invocations must be signed."""

    def __init__(self, router: Router, signatures: SignatureCheck) -> None:
        super().__init__(router)
        self._signatures = signatures

    @override
    def admitted(self, request: Request) -> None:
        if self._router.is_invocation(request):
            try:
                self._signatures.check(request.head, request.chunks, datetime.now(UTC))
            except answers.RefusedError as refused:
                self.deny(refused, request)
                return
        super().admitted(request)
