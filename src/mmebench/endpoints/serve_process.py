"""``mmebench serve`` as a child process: its command line, how it comes up, and how nothing of it is left."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from mmebench import server_directory
from mmebench.die_with_parent import dying_with_parent
from mmebench.errors import BadInputError, MmebenchError
from mmebench.spec.endpoints import LocalEndpoint as Spec

READY_SECONDS = 90.0
_STOP_SECONDS = 20.0
_KILLED_SECONDS = 5.0
_READY = "ready "


def start(spec: Spec, store: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start it over the archives in ``store``; the process, and the URL of its invocations, once it answers.

    It ends with the thread that called this.

    Raises:
        BadInputError: the spec or the store cannot be served. MmebenchError: it did not come up; the message is
            that of ``mmebench serve``, and ``log`` has the rest.
    """
    command = [sys.executable, "-m", "mmebench", "serve", str(store.resolve()), *_options(spec)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            dying_with_parent(command, signal.SIGTERM),
            env=os.environ | spec.environment,  # which the container inherits
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        )
    try:
        return process, _wait_ready(process, log, begin)
    except BaseException:
        stop(process)
        server_directory.sweep()
        raise


def _options(spec: Spec) -> list[str]:
    """The options of ``mmebench serve`` that stand for ``spec``; what it leaves out stays out."""
    asked = spec.model_dump(mode="json", exclude={"kind", "environment", *spec.beside}, exclude_unset=True)
    return [f"--{name.replace('_', '-')}={_written(value)}" for name, value in asked.items() if value is not None]


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _wait_ready(process: subprocess.Popen[bytes], log: Path, begin: int) -> str:
    """The URL of the ready line."""
    assert process.stdout is not None
    deadline = time.monotonic() + READY_SECONDS
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            raise MmebenchError(f"the local endpoint was not ready within {READY_SECONDS:g} s; see {log}")
        data = os.read(process.stdout.fileno(), 4096)
        if not data:
            kind = BadInputError if process.wait() == BadInputError.exit_code else MmebenchError
            raise kind(_last_words(log, begin))
        line += data
    return line.decode().removeprefix(_READY).strip()


def _last_words(log: Path, begin: int) -> str:
    """Why ``mmebench serve`` ended: its message, or else the end of its log."""
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode("utf-8", "replace").splitlines()
    prefix = "mmebench: "
    messages = [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]
    return messages[-1] if messages else "the local endpoint ended while it started:\n" + "\n".join(lines[-20:])


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        if child.is_running():
            child.kill()
    deadline = time.monotonic() + _KILLED_SECONDS
    while not all(map(_ended, children)) and time.monotonic() < deadline:
        time.sleep(0.01)


def _ended(process: psutil.Process) -> bool:
    """Whether nothing but its exit code is left of it, which whose child it is now may not have asked for yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
