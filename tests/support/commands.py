"""Commands as processes of their own, with a small benchmark to run."""

import os
import subprocess
import sys
from pathlib import Path
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


def mmebench(*arguments: object, cwd: Path, timeout: float = 240) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mmebench", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=os.environ | MARKED, capture_output=True, text=True, timeout=timeout
    )


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
