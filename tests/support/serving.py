"""``mmebench serve`` as a process of its own, as somebody would start it by hand."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mmebench.endpoints.local import LocalEndpoint
from support.commands import Command

Serve = Callable[..., LocalEndpoint]
"""Starts an endpoint of a test's own; the fixture ``serve``."""


@dataclass(frozen=True)
class Serving:
    """One that answers."""

    url: str
    """Base URL, for ``endpoint_url`` of boto3."""
    pid: int
    log: Path


@contextmanager
def serving(
    archives: str | Path, log: Path, *options: str, before: Sequence[str] = (), **environment: str
) -> Iterator[Serving]:
    """Serve until the end of the context.

    Args:
        archives: folder or S3 prefix.
        log: where it goes.
        options: of the command.
        before: what the command is an argument of, and becomes.
        environment: variables besides those that there are.
    """
    command = [*before, sys.executable, "-m", "mmebench", "serve", str(archives), "--log", str(log), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("ready "), log.read_text()
        yield Serving(line.removeprefix("ready ").partition("/endpoints/")[0], process.pid, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def refusal(
    archives: str | Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    before: Callable[[], object] = bool,
) -> str:
    """Why ``mmebench serve`` refuses what it was given; ``before`` is called in its process."""
    command = Command(
        "serve", archives, *options, cwd=Path.cwd(), environment=os.environ | (environment or {}), before=before
    )
    result = command.finish()
    assert (result.returncode, result.stdout) == (2, ""), result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr
