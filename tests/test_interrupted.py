"""Ctrl-C before a command has got anywhere."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mmebench.cli import cli

INTERRUPTS = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""
COMMANDS = cli.list_commands(click.Context(cli))


def run(folder: Path, interrupt_at: str, command: str) -> "subprocess.CompletedProcess[str]":
    """The command, which gets a SIGINT when it imports that module."""
    (folder / "sitecustomize.py").write_text(INTERRUPTS)
    return subprocess.run(
        [sys.executable, "-m", "mmebench", command, "nothing.yaml"],
        env=os.environ | {"PYTHONPATH": str(folder), "INTERRUPT_AT": interrupt_at},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_while_its_own_module_is_imported(command: str, tmp_path: Path) -> None:
    done = run(tmp_path, f"mmebench.cli.{command.replace('-', '_')}", command)
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert "mmebench: interrupted" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["mmebench.cli", "click", "mmebench.errors", "pydantic", "numpy"])
def test_while_libraries_are_imported(module: str, tmp_path: Path) -> None:
    done = run(tmp_path, module, "run")
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert "mmebench: interrupted" in done.stderr
    assert "Traceback" not in done.stderr
