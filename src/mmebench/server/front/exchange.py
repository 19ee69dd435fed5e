"""One invocation on its way: from the client's request to the last byte of the answer."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Protocol

from mmebench.server.containers.container import Fault, error_message
from mmebench.server.front.heads import answered_head, forwarded_head
from mmebench.server.front.instance import Instance
from mmebench.server.front.naming import Piece, may_come, renamed
from mmebench.server.front.refusals import by_name, refusal
from mmebench.server.front.served import Served
from mmebench.server.front.upstream import Upstream, write
from mmebench.server.memory.resident import Resident
from mmebench.wire import answers
from mmebench.wire.http_head import AnswerHead
from mmebench.wire.http_server import Request

_log = logging.getLogger(__name__)
_LOAD_SECONDS = 60.0
"""As long as a request waits for a load, which may go on longer."""
_ANSWER_SECONDS = 60.0
"""As long as the container may take for an answer, as on SageMaker."""
_ATTEMPTS = 3
"""Times that a request is sent when the container fails it for a reason that can be healed."""
_STALE_SECONDS = 1.0
"""A container may close a connection that was idle for so long, without our knowing it yet."""


class Client(Protocol):
    """The connection that the request came by."""

    transport: asyncio.Transport

    def exchange_ended(self) -> None:
        """The answer is written; the next request may be looked at."""


class Exchange:
    """Forwards a request, all of which has come, and its answer as it comes.

    The request is kept, so that it can be sent again after a load or an eviction. Its target stays from when
    the container gets the request until the answer is written.
    """

    __slots__ = (
        "_attempts", "_begun", "_client", "_entry", "_instance", "_request", "_sent", "_served", "_started",
        "_target", "_task", "_upstream", "_waited",
    )  # fmt: skip

    def __init__(self, served: Served, client: Client, request: Request) -> None:
        self._served = served
        self._client = client
        self._request = request
        self._target = ""
        self._instance: Instance | None = None
        self._entry: Resident | None = None
        self._upstream: Upstream | None = None
        self._task: asyncio.Task[None] | None = None
        self._attempts = 0
        self._begun = self._sent = time.perf_counter()
        self._waited: float | None = None
        self._started = False

    def begin(self) -> None:
        """Choose an instance, and forward to a resident target at once, or load it first."""
        served, request = self._served, self._request
        metrics = served.metrics
        metrics.invocations += 1
        try:
            self._target = target = served.select(request.head)
        except answers.RefusedError as refused:
            self._refuse(refused)
            return
        # What an instance does not take, none does.
        flaw = served.instances[0].container.flaw(request.head.headers, request.chunks)
        if flaw is None and served.suspects.known((target, request.size)):
            flaw = self._conviction()
        if flaw is not None:
            self._refuse(answers.model_error(400, flaw, served.name))
            return
        metrics.cache_lookups += 1
        try:
            self._instance = instance = served.route(target)
        except answers.RefusedError as refused:
            self._refuse(refused)
            return
        instance.invocations += 1
        instance.in_flight += 1
        entry = instance.ledger.resident.get(target)
        if entry is None:
            self._spawn()
            return
        metrics.cache_hits += 1
        instance.ledger.use(entry)
        self._entry = entry
        self._forward()

    def _conviction(self) -> str | None:
        """Why a request that may end the container is not passed on, if it is the one."""
        if not self._served.suspects.is_convicted(self._target, self._request):
            return None
        self._served.metrics.convicted += 1
        return "requests of these bytes ended the container twice; they are not passed on any more"

    def abandon(self) -> None:
        """The client hung up. A load that it waited for goes on."""
        if self._task is not None:
            self._task.cancel()
        if self._upstream is not None:
            self._upstream.drop()
            self._upstream = None
        self._release()
        self._leave()

    def check_patience(self, now: float) -> None:
        """Give up on a container that has not answered for too long; to be called now and then.

        ``now``: by ``time.perf_counter``.
        """
        upstream = self._upstream
        if upstream is None or self._started or now - self._sent < _ANSWER_SECONDS:
            return
        self._upstream = None
        upstream.drop()
        self._release()
        self._served.metrics.model_errors += 1
        message = (
            "Your invocation timed out while waiting for a response from container primary. "
            f"It had {_ANSWER_SECONDS:g} seconds."
        )
        self._refuse(answers.model_error(0, message, self._served.name))

    # --- the container's side

    def answer_received(self, upstream: Upstream, head: AnswerHead) -> None:
        """Stream a good answer; keep a bad one until it is clear what it means."""
        if not 200 <= head.status < 300:
            if upstream.complete:
                self._part(upstream, head)
                self._judge(head.status, b"".join(upstream.chunks).decode("utf-8", "replace"))
            return
        if head.length is None and not upstream.complete:
            return  # its length is known at its end
        if self._started:
            chunks, upstream.chunks = upstream.chunks, []
            self._client.transport.writelines(chunks)
        elif not self._start(upstream, head):
            return
        if upstream.complete:
            now = time.perf_counter()
            taken = now - self._sent
            served = self._served
            served.metrics.model_latency.observe(taken)
            served.metrics.overhead_latency.observe(now - self._begun - taken)
            if served.suspects.known((self._target, self._request.size)):
                served.suspects.was_answered(self._target, self._request)
            self._part(upstream, head)
            self._release()
            self._leave()
            self._client.exchange_ended()

    def _start(self, upstream: Upstream, head: AnswerHead) -> bool:
        """Send the head and what there is of the body; False while the name in it has not come."""
        entry, instance = self._entry, self._instance
        assert entry is not None
        assert instance is not None
        chunks: Sequence[Piece] = upstream.chunks
        longer = 0
        if entry.named:
            found = renamed(upstream.chunks, entry.named, entry.renamed)
            if found is not None:
                chunks, longer = found, len(entry.renamed) - len(entry.named)
            elif may_come(upstream.chunks) and not upstream.complete:
                return False
        upstream.chunks = []
        self._started = True
        answer = answered_head(instance.container, self._request, head, chunks, longer, self._waited)
        write(self._client.transport, answer, chunks)
        return True

    def upstream_lost(self) -> None:
        """The container ended the connection, most likely because it died."""
        upstream, self._upstream = self._upstream, None
        if upstream is not None and not self._started and self._sent - upstream.idle_since > _STALE_SECONDS:
            self._forward()  # it closed a connection that was idle for long, at the moment we used it
            return
        self._release()
        self._served.metrics.model_errors += 1
        self._served.suspects.was_under_way(self._target, self._request)
        if self._started:
            _log.warning("%s: the container ended the connection in the middle of its answer", self._target)
            self._client.transport.abort()  # an answer that stops short must not look whole
        else:
            self._refuse(answers.internal_failure("the container ended the connection before it answered"))

    def hold_answer(self) -> None:
        """The client does not keep up with the answer."""
        if self._upstream is not None:
            self._upstream.pause_reading()

    def resume_answer(self) -> None:
        """The client reads again."""
        if self._upstream is not None:
            self._upstream.resume_reading()

    # --- inside

    def _forward(self) -> None:
        upstream = self._at.pool.take()
        if upstream is None:
            self._task = asyncio.create_task(self._connect())
        else:
            self._send(upstream)

    async def _connect(self) -> None:
        self._task = asyncio.current_task()
        try:
            upstream = await self._at.pool.connect(self._at.container.address)
        except OSError as error:
            self._release()
            if self._attempts:  # it had the request, and is gone now
                self._served.suspects.was_under_way(self._target, self._request)
            self._refuse(answers.service_unavailable(f"the container does not answer ({error}); ask again"))
        else:
            self._task = None
            self._send(upstream)

    def _send(self, upstream: Upstream) -> None:
        request, entry = self._request, self._entry
        assert entry is not None
        self._upstream = upstream
        self._attempts += 1
        self._sent = time.perf_counter()
        upstream.send(self, forwarded_head(self._at.container, request, entry), request.chunks)

    def _part(self, upstream: Upstream, head: AnswerHead) -> None:
        """The answer is whole, and the connection free."""
        self._upstream = None
        if upstream.paused:  # the client was slow; the next may not be
            upstream.resume_reading()
        if head.keep_alive and not upstream.transport.get_write_buffer_size():
            self._at.pool.give(upstream)
        else:
            upstream.drop()  # at its end, or it answered before it had read the request

    def _judge(self, status: int, body: str) -> None:
        """Heal what can be healed and try again; else tell the client."""
        self._served.metrics.model_errors += 1
        message = by_name(error_message(body), self._target)
        container = self._at.container
        status = container.true_status(status, message)
        fault = container.fault(status, message, self._request.chunks)
        if fault is Fault.OUT_OF_MEMORY:
            status = 507  # as Triton's SageMaker front says it
        if fault is Fault.REQUEST or self._attempts >= _ATTEMPTS:
            self._release()
            self._refuse(answers.model_error(status, message, self._served.name))
        else:
            self._spawn(fault, answers.model_error(status, message, self._served.name))

    def _spawn(self, fault: Fault | None = None, failure: answers.RefusedError | None = None) -> None:
        self._task = asyncio.create_task(self._load(fault, failure))

    async def _load(self, fault: Fault | None, failure: answers.RefusedError | None) -> None:
        """Get the target into memory, after healing what failed the last attempt, and forward."""
        started = time.perf_counter()
        instance = self._at
        instance.waiting += 1
        try:
            async with asyncio.timeout(_LOAD_SECONDS):
                if fault is not None and not await self._heal(fault):
                    assert failure is not None
                    raise failure
                self._entry = await instance.loader.acquire(self._target)
        except Exception as error:
            self._task = None
            self._refuse(refusal(error, self._target, self._served.name, instance.container))
            return
        finally:
            instance.waiting -= 1
        self._task = None
        waited = time.perf_counter() - started
        self._served.metrics.loading_wait.observe(waited)
        self._waited = (self._waited or 0.0) + waited
        self._forward()

    async def _heal(self, fault: Fault) -> bool:
        """Do something about ``fault``; False when nothing can be done."""
        entry = self._entry
        assert entry is not None
        self._release()
        loader = self._at.loader
        if fault is Fault.OUT_OF_MEMORY:
            return await loader.evictor.make_way(entry)
        if fault is Fault.MODEL_DEAD:
            loader.revive(entry)
        else:
            loader.forget(entry)
        return True

    def _refuse(self, refused: answers.RefusedError) -> None:
        self._served.metrics.refused(refused.status)
        _log.warning("%s: %d %s: %s", self._target, refused.status, refused.error_type, refused)
        self._leave()
        self._client.transport.write(refused.answer(self._request.connection))
        self._client.exchange_ended()

    @property
    def _at(self) -> Instance:
        """Where the request is."""
        assert self._instance is not None
        return self._instance

    def _release(self) -> None:
        """The target may be evicted."""
        if self._entry is not None:
            self._at.loader.release(self._entry)
            self._entry = None

    def _leave(self) -> None:
        """The instance has nothing to do with the request any more."""
        if self._instance is not None:
            self._instance.in_flight -= 1
            self._instance = None
