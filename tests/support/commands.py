"""Commands as processes of their own, with a small benchmark to run."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import psutil
import yaml

SPEC: dict[str, Any] = {
    "model": {"source": "timm", "name": "test_resnet", "weights": "random"},
    "platforms": ["pt", "onnx"],
    "endpoint": {"kind": "local", "memory": "600MiB"},
    "targets": {"count": "capacity", "limit": 4},
    "workload": {"profile": {"stages": [{"users": 1, "duration": "1500ms"}, {"users": 3, "duration": "1500ms"}]}},
    "objectives": {"failures": 0},
}


MARK = "MMEBENCH_TEST_PROCESS"
MARKED = {MARK: str(os.getpid())}
"""Every process that a command starts inherits it; servers that tests share have it not."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [
        "mmebench.cli.run",
        "mmebench.benchmark.story",
        "mmebench.report.report",
        "mmebench.server.server",
        "matplotlib.pyplot",
        "boto3",
    ]
)


class Command:
    """``mmebench`` in a process of its own, forked from one that has imported already what commands import.

    To import it is a third of what a small run costs. All else is as if a shell had started it: arguments,
    environment, folder, signals. Tests that start an interpreter themselves see that a command starts from it.
    """

    def __init__(
        self, *arguments: object, cwd: Path, environment: Mapping[str, str], before: Callable[[], object] = bool
    ) -> None:
        """Args: ``before`` is called in the process before it is the command; a function that a module has."""
        self.words = ["mmebench", *map(str, arguments)]
        self._said = [NamedTemporaryFile(mode="r", encoding="utf-8") for _ in ("output", "errors")]  # noqa: SIM115
        files = [file.name for file in self._said]
        self._process = _forks.Process(
            target=_become, args=(self.words, str(cwd), dict(environment), files, before), daemon=True
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit code, or the number of the signal that ended it, negative; None while it runs."""
        return self._process.exitcode

    def send_signal(self, sent: int) -> None:
        os.kill(self.pid, sent)

    def finish(self, timeout: float = 250) -> "subprocess.CompletedProcess[str]":
        """What became of it; killed where it takes longer."""
        self._process.join(timeout)
        late = self.status is None
        if late:
            self._process.kill()
            self._process.join()
        output, errors = [file.read() for file in self._said]
        if late:
            raise subprocess.TimeoutExpired(self.words, timeout, output, errors)
        assert self.status is not None
        return subprocess.CompletedProcess(self.words, self.status, output, errors)


def _become(
    words: list[str], cwd: str, environment: dict[str, str], files: list[str], before: Callable[[], object]
) -> None:
    """Be the command, as the interpreter is when it starts."""
    for descriptor, name in enumerate(files, start=1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_APPEND), descriptor)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    before()
    from mmebench.__main__ import main

    main()


def mmebench(
    *arguments: object, cwd: Path, timeout: float = 240, before: Callable[[], object] = bool
) -> "subprocess.CompletedProcess[str]":
    return Command(*arguments, cwd=cwd, environment=os.environ | MARKED, before=before).finish(timeout)


def write(directory: Path, spec: dict[str, Any]) -> Path:
    path = directory / "spec.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


def leftovers() -> list[str]:
    """Processes that came from a command of these tests and are still there."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(os.getpid()):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue  # gone, or not ours to look at
    return found
