"""One invocation on its way: from the client's request to the last byte of the answer."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from mmebench.archive import ArchiveError
from mmebench.endpoints.containers.container import ContainerDownError, Fault, LoadError, error_message
from mmebench.endpoints.containers.model_files import ConfigError
from mmebench.endpoints.http_server import Request
from mmebench.endpoints.local import answers
from mmebench.endpoints.local.archives import TargetError
from mmebench.endpoints.local.loader import model_id
from mmebench.endpoints.local.residency import Resident
from mmebench.endpoints.local.upstream import Upstream, resume_reading
from mmebench.errors import MmebenchError

if TYPE_CHECKING:
    from mmebench.endpoints.local.router import ClientConnection, Router

_log = logging.getLogger(__name__)
_ANSWER_SECONDS = 60
"""SageMaker's limit for a request; a load may go on longer."""
_ATTEMPTS = 3
"""Times that a request is sent when the container fails it for a reason that can be healed."""


class Exchange:
    """Forwards a request as it arrives and the answer as it comes.

    The chunks of the request are kept, so that it can be sent again after a load or an eviction.
    """

    __slots__ = (
        "_attempts", "_connection", "_entry", "_request", "_router", "_started", "_target", "_task", "_upstream",
        "_waited",
    )  # fmt: skip

    def __init__(self, router: "Router", connection: "ClientConnection", request: Request) -> None:
        self._router = router
        self._connection = connection
        self._request = request
        self._target = ""
        self._entry: Resident | None = None
        self._upstream: Upstream | None = None
        self._task: asyncio.Task[None] | None = None
        self._attempts = 0
        self._waited: float | None = None
        self._started = False

    def begin(self) -> None:
        """Forward to a resident target at once, or load it first."""
        header = self._request.headers.get(b"x-amzn-sagemaker-target-model", b"")
        try:
            self._target = header.decode()
        except UnicodeDecodeError:
            self._refuse(answers.validation_error("TargetModel is not UTF-8"))
            return
        entry = self._router.ledger.resident.get(self._target)
        if entry is not None:
            self._router.ledger.use(entry)
            self._entry = entry
            self._forward()
        elif not header:
            message = "this is a multi-model endpoint; TargetModel must say which archive to invoke"
            self._refuse(answers.validation_error(message))
        else:
            self._spawn()

    def body_received(self, chunk: bytes) -> None:
        """Pass on what came of the request after it was forwarded."""
        if self._upstream is not None and self._request.length is not None:
            self._upstream.transport.write(chunk)

    def body_complete(self) -> None:
        """The length of a chunked body is known now."""
        if self._request.length is None and self._entry is not None:
            self._forward()

    def abandon(self) -> None:
        """The client hung up. A load that it waited for goes on."""
        if self._task is not None:
            self._task.cancel()
        if self._upstream is not None:
            self._upstream.drop()
            self._upstream = None
        self._release()

    # --- the container's side

    def answer_received(self, upstream: Upstream) -> None:
        """Stream a good answer; keep a bad one until it is clear what it means."""
        if 200 <= upstream.status < 300:
            length = upstream.headers.get(b"content-length")
            if length is None and not upstream.complete:
                return  # a chunked answer: its length is known at its end
            chunks, upstream.chunks = upstream.chunks, []
            if not self._started:
                self._started = True
                size = sum(map(len, chunks)) if length is None else int(length)
                headers = self._router.container.answer_headers(upstream.headers)
                chunks.insert(0, answers.success(headers, size, self._waited, self._request.keep_alive))
            self._connection.transport.writelines(chunks)
            if upstream.complete:
                self._part(upstream)
                self._release()
                self._connection.exchange_ended()
        elif upstream.complete:
            self._part(upstream)
            self._judge(upstream.status, b"".join(upstream.chunks).decode("utf-8", "replace"))

    def upstream_lost(self) -> None:
        """The container ended the connection, most likely because it died."""
        self._upstream = None
        self._release()
        if self._started:
            self._connection.transport.abort()  # an answer that stops short must not look whole
        else:
            self._refuse(answers.internal_failure("the container ended the connection before it answered"))

    def hold(self) -> None:
        """The container does not keep up with the request."""
        self._connection.transport.pause_reading()

    def resume(self) -> None:
        """The container reads again."""
        self._connection.transport.resume_reading()

    def hold_answer(self) -> None:
        """The client does not keep up with the answer."""
        if self._upstream is not None:
            self._upstream.transport.pause_reading()

    def resume_answer(self) -> None:
        """The client reads again."""
        if self._upstream is not None:
            self._upstream.transport.resume_reading()

    # --- inside

    def _forward(self) -> None:
        """Send what there is of the request; the rest follows as it arrives."""
        if self._request.length is None and not self._request.complete:
            return  # see body_complete
        upstream = self._router.pool.take()
        if upstream is None:
            self._task = asyncio.create_task(self._connect())
        else:
            self._send(upstream)

    async def _connect(self) -> None:
        self._task = asyncio.current_task()
        try:
            upstream = await self._router.pool.connect(self._router.container.address)
        except OSError as error:
            self._release()
            self._refuse(answers.service_unavailable(f"the container does not answer ({error}); ask again"))
        else:
            self._task = None
            self._send(upstream)

    def _send(self, upstream: Upstream) -> None:
        request, entry = self._request, self._entry
        assert entry is not None
        self._upstream = upstream
        self._attempts += 1
        headers = self._router.container.request_headers(request.headers)
        length = request.size if request.length is None else request.length
        head = b"%bHost: localhost\r\n%bContent-Length: %d\r\n\r\n" % (entry.request_line, headers, length)
        upstream.send(self, (head, *request.chunks))

    def _part(self, upstream: Upstream) -> None:
        """The answer is whole; the connection is free when the request was, too."""
        self._upstream = None
        resume_reading(upstream.transport)  # the client was slow; the next one may not be
        resume_reading(self._connection.transport)
        if self._request.complete and upstream.keep_alive:
            self._router.pool.give(upstream)
        else:
            upstream.drop()

    def _judge(self, status: int, body: str) -> None:
        """Heal what can be healed and try again; else tell the client."""
        message = self._by_name(error_message(body))
        fault = self._router.container.fault(status, message)
        if fault is Fault.REQUEST or self._attempts >= _ATTEMPTS:
            self._release()
            self._refuse(answers.model_error(status, message, self._router.name))
        else:
            self._spawn(fault, answers.model_error(status, message, self._router.name))

    def _spawn(self, fault: Fault | None = None, failure: answers.RefusedError | None = None) -> None:
        self._task = asyncio.create_task(self._load(fault, failure))

    async def _load(self, fault: Fault | None, failure: answers.RefusedError | None) -> None:
        """Get the target into memory, after healing what failed the last attempt, and forward."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                if fault is not None and not await self._heal(fault):
                    assert failure is not None
                    raise failure
                self._entry = await self._router.loader.acquire(self._target)
        except Exception as error:
            self._task = None
            self._refuse(self._refusal(error))
            return
        self._task = None
        self._waited = (self._waited or 0.0) + time.perf_counter() - started
        self._forward()

    async def _heal(self, fault: Fault) -> bool:
        """Do something about ``fault``; False when nothing can be done."""
        entry = self._entry
        assert entry is not None
        self._release()
        if fault is Fault.OUT_OF_MEMORY:
            return await self._router.loader.relieve(entry)
        if fault is Fault.MODEL_DEAD:
            self._router.loader.revive(entry)
        else:
            self._router.loader.forget(entry)
        return True

    def _refusal(self, error: Exception) -> answers.RefusedError:
        """What the client is told about a load that failed."""
        match error:
            case answers.RefusedError():
                return error
            case TimeoutError() if self._router.container.ready.is_set():
                return answers.model_not_ready(self._target)
            case TimeoutError() | ContainerDownError():
                return answers.service_unavailable(f"the container is down and being restarted: {error}")
            case LoadError():
                return answers.model_error(error.status, self._by_name(str(error)), self._router.name)
            case ConfigError():
                return answers.model_error(400, str(error), self._router.name)
            case TargetError() | ArchiveError():
                return answers.validation_error(f"Failed to download model data: {error}")
            case MmebenchError():
                return answers.internal_failure(str(error))
        _log.error("%s: defect", self._target, exc_info=error)
        return answers.internal_failure(f"{type(error).__name__}: {error}")

    def _by_name(self, message: str) -> str:
        """The container knows the target by another name, which says nothing to people."""
        return message.replace(model_id(self._target), self._target)

    def _refuse(self, refusal: answers.RefusedError) -> None:
        _log.warning("%s: %d %s: %s", self._target, refusal.status, refusal.error_type, refusal)
        self._connection.transport.write(refusal.answer(self._request.keep_alive))
        self._connection.exchange_ended()

    def _release(self) -> None:
        if self._entry is not None:
            self._router.loader.release(self._entry)
            self._entry = None
