"""Repository calls of the v2 protocol over gRPC.

Triton's HTTP front serves each connection in one of a few threads, and a load takes up one of them for as long as
it goes on: measured with Triton 2.51, a load of 8 s held up 7 of 8 other connections for all of it. Its gRPC front
gives loads threads of their own; the worst delay there was 16 ms.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from mmebench.endpoints.counters import TargetCounters
from mmebench.server.containers.container import ContainerDownError, LoadError, LoadTimeoutError
from mmebench.server.containers.control import ANSWER_SECONDS, LOAD_SECONDS, load_error

_STATUS: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.UNIMPLEMENTED: 501,
}
"""What Triton's HTTP front says instead; anything else is 500."""
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),  # counters of thousands of models are one message
    # A Triton that starts, or starts again, is used as soon as it listens.
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 100),
)


class GrpcControl:
    """A :class:`~mmebench.server.containers.control.Control` of the Triton that listens on a Unix socket."""

    def __init__(self, socket: Path) -> None:
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", _OPTIONS)
        self._stub = GRPCInferenceServiceStub(self._channel)

    async def version(self) -> str:
        """By the server's metadata."""
        try:
            answer = await self._stub.ServerReady(messages.ServerReadyRequest(), timeout=ANSWER_SECONDS)
            if not answer.ready:
                raise ConnectionRefusedError("the server is not ready")
            metadata = await self._stub.ServerMetadata(messages.ServerMetadataRequest(), timeout=ANSWER_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise ConnectionRefusedError(error.details()) from error
        return str(metadata.version)

    async def load(self, model: str) -> None:
        """As long as it takes."""
        request = messages.RepositoryModelLoadRequest(model_name=model)
        try:
            await self._stub.RepositoryModelLoad(request, timeout=LOAD_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise LoadTimeoutError(LOAD_SECONDS) from None
            _raise_if_down(error)
            raise load_error(_status(error), error.details() or "") from None

    async def begin_unload(self, model: str) -> None:
        """With its members."""
        request = messages.RepositoryModelUnloadRequest(model_name=model)
        request.parameters["unload_dependents"].bool_param = True
        try:
            await self._stub.RepositoryModelUnload(request, timeout=ANSWER_SECONDS)
        except grpc.aio.AioRpcError as error:
            _raise_if_down(error)
            raise LoadError(_status(error), error.details() or "") from None

    async def loaded(self) -> set[str] | None:
        """By the repository's index."""
        try:
            answer = await self._stub.RepositoryIndex(messages.RepositoryIndexRequest(), timeout=ANSWER_SECONDS)
        except grpc.aio.AioRpcError as error:
            _raise_if_down(error)
            return None
        return {entry.name for entry in answer.models if entry.state not in ("", "UNAVAILABLE")}

    async def counters(self) -> dict[str, TargetCounters]:
        """By the statistics extension."""
        try:
            answer = await self._stub.ModelStatistics(messages.ModelStatisticsRequest(), timeout=ANSWER_SECONDS)
        except grpc.aio.AioRpcError as error:
            _raise_if_down(error)
            return {}
        return {entry.name: _counters(entry) for entry in answer.model_stats}

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close()


def _counters(entry: Any) -> TargetCounters:
    stats = entry.inference_stats
    return TargetCounters(
        successes=stats.success.count,
        failures=stats.fail.count,
        inferences=entry.inference_count,
        executions=entry.execution_count,
        queue_us=stats.queue.ns // 1000,
        compute_input_us=stats.compute_input.ns // 1000,
        compute_infer_us=stats.compute_infer.ns // 1000,
        compute_output_us=stats.compute_output.ns // 1000,
    )


def _status(error: grpc.aio.AioRpcError) -> int:
    return _STATUS.get(error.code(), 500)


def _raise_if_down(error: grpc.aio.AioRpcError) -> None:
    """Raise ContainerDownError where nobody answered, or Triton says that it is about to end."""
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        raise ContainerDownError(f"the container does not answer: {error.details()}") from error
