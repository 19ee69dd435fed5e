"""A server's process: in a session of its own, dead when we are, stopped with its children."""

import asyncio
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from mmebench.die_with_parent import dying_with_parent
from mmebench.server.containers.private import private

_log = logging.getLogger(__name__)
_SECRET = ("AWS_", "MMEBENCH_")


def shared_environment() -> dict[str, str]:
    """Our environment without what only we need to know: a model is code, and often a stranger's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SECRET)}


class ServerProcess:
    """A child process and the group it leads; its files and shared memory are for this user alone."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def start(
        cls, command: Sequence[str], environment: Mapping[str, str], folder: Path, output: IO[bytes]
    ) -> Self:
        """Start ``command``, an absolute path and its arguments, in ``folder``; ``output`` gets what it prints."""
        return cls(
            await asyncio.create_subprocess_exec(
                *dying_with_parent(private(list(command)), signal.SIGKILL),
                env=environment,
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        )

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """The exit code, once it has ended by itself; its children are ended too."""
        code = await self._process.wait()
        self._kill_group()
        return code

    async def stop(self, patience: float) -> None:
        """SIGTERM, and SIGKILL for the whole group after ``patience`` seconds."""
        if self.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), patience)
            except TimeoutError:
                _log.warning("process %d ignored SIGTERM for %g s; it gets SIGKILL", self.pid, patience)
        self._kill_group()
        await self._process.wait()

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # nobody is left
