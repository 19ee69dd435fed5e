"""Repository calls of the v2 protocol over HTTP, for a server whose HTTP front does not mind long loads."""

import asyncio
import json

from mmebench.endpoints.counters import TargetCounters
from mmebench.server.containers.container import (
    ContainerDownError,
    LoadError,
    LoadTimeoutError,
    error_message,
)
from mmebench.server.containers.control import ANSWER_SECONDS, LOAD_SECONDS, load_error
from mmebench.wire.http_client import Address, Answer, call, shown


class HttpControl:
    """A :class:`~mmebench.server.containers.control.Control` of the server at an address."""

    def __init__(self, address: Address) -> None:
        self._address = address

    async def version(self) -> str:
        """By the server's metadata."""
        if (await call(self._address, "GET", "/v2/health/ready")).status != 200:
            raise ConnectionRefusedError(f"{shown(self._address)} is not ready")
        return str(json.loads((await call(self._address, "GET", "/v2")).body)["version"])

    async def load(self, model: str) -> None:
        """Each on a connection of its own."""
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                answer = await self._call("POST", f"/v2/repository/models/{model}/load")
        except TimeoutError:
            raise LoadTimeoutError(LOAD_SECONDS) from None
        if answer.status != 200:
            raise load_error(answer.status, error_message(answer.text))

    async def begin_unload(self, model: str) -> None:
        """With its members."""
        body = json.dumps({"parameters": {"unload_dependents": True}}).encode()
        answer = await self._quick("POST", f"/v2/repository/models/{model}/unload", body)
        if answer.status != 200:
            raise LoadError(answer.status, error_message(answer.text))

    async def loaded(self) -> set[str] | None:
        """By the repository's index."""
        answer = await self._quick("POST", "/v2/repository/index")
        if answer.status != 200:
            return None
        entries = json.loads(answer.body)
        return {entry["name"] for entry in entries if entry.get("state", "UNAVAILABLE") != "UNAVAILABLE"}

    async def counters(self) -> dict[str, TargetCounters]:
        """The statistics extension is not spoken here."""
        return {}

    async def close(self) -> None:
        """No connection is kept."""

    async def _quick(self, method: str, path: str, body: bytes = b"") -> Answer:
        try:
            return await asyncio.wait_for(self._call(method, path, body), ANSWER_SECONDS)
        except TimeoutError as error:
            raise ContainerDownError(
                f"the container gave no answer to {path} within {ANSWER_SECONDS:g} s"
            ) from error

    async def _call(self, method: str, path: str, body: bytes = b"") -> Answer:
        try:
            return await call(self._address, method, path, body)
        except OSError as error:
            raise ContainerDownError(f"the container does not answer: {error}") from error
