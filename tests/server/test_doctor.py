"""The doctor of this machine, with a real Triton."""

import errno
import resource
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmebench.cli import cli
from mmebench.server import doctor
from mmebench.server.containers.container import CannotRunError
from mmebench.server.containers.triton import TritonRecipe

pytestmark = pytest.mark.triton

_NAMES = ["GPU", "Triton", "numpy", "PyTorch", "ONNX Runtime", "disk", "shared memory", "port", "open files"]


def run(*arguments: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(cli, ["doctor", *arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    assert isinstance(result.return_value, int)
    return result.return_value, result.output.splitlines()


def test_a_machine_that_serves_passes_with_a_local_spec_and_without_one(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("model: {source: timm, name: resnet18}\nplatforms: [pt]\n")
    for arguments in ((), (str(spec),)):
        code, lines = run(*arguments)
        assert code == 0
        assert [line[6:].partition(":")[0] for line in lines] == _NAMES
        assert not [line for line in lines if line.startswith("FAIL")]


def test_each_thing_that_is_missing_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_triton() -> None:
        raise CannotRunError("Triton is not installed; pip install 'mmebench[local]'")

    monkeypatch.setattr(doctor, "TritonRecipe", no_triton)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 512))
    monkeypatch.setattr(doctor, "_DISK", 2**60)
    monkeypatch.setattr(doctor, "_TARGETS", 2**40)
    monkeypatch.setattr(doctor, "version", lambda name: {"numpy": "2.4.6"}.get(name, "0"))
    monkeypatch.setattr(doctor, "_ONNX", "import os; os._exit(0)")
    monkeypatch.setattr(doctor, "_TORCH", "raise ImportError('libcudart.so.13: no such file')")
    code, lines = run()
    assert code == 1
    found = dict(line[6:].split(": ", 1) for line in lines)
    marks = {line[6:].partition(":")[0]: line[:4].strip() for line in lines}
    others = {"GPU": "?", "numpy": "?", "port": "pass"}
    assert marks == dict.fromkeys(_NAMES, "FAIL") | others
    assert "pip install 'mmebench[local]'" in found["Triton"]
    assert "numpy<2" in found["numpy"]
    assert found["PyTorch"] == "0 cannot be imported: ImportError: libcudart.so.13: no such file"
    assert found["ONNX Runtime"] == "0 cannot be imported: its process ended with 0"
    assert "TMPDIR" in found["disk"]
    assert "--shm-size" in found["shared memory"]
    assert "ulimit" in found["open files"]


def test_a_full_disk_is_found_and_the_rest_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TritonRecipe, "prepare", full)
    monkeypatch.setattr(shutil, "disk_usage", full)
    code, lines = run()
    assert code == 1
    failed = {line[6:].partition(":")[0] for line in lines if line.startswith("FAIL") and "No space left" in line}
    assert failed == {"Triton", "disk", "shared memory"}
    assert len(lines) == len(_NAMES)
