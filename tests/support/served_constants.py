"""Limits of ``mmebench serve`` made short, so that a test need not wait a minute for them."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

_CUSTOMIZE = """
import importlib, sys

if "serve" in sys.orig_argv:  # and not in the container that it starts
    for name, value in {constants!r}.items():
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name
        setattr(importlib.import_module(module), attribute, value)
"""


def override(monkeypatch: pytest.MonkeyPatch, folder: Path, constants: Mapping[str, float | str]) -> None:
    """Endpoints that are started from now on have these values; names are ``package.module.CONSTANT``."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_CUSTOMIZE.format(constants=dict(constants)))
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
