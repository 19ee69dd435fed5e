"""What a killed server leaves, and who removes it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmebench.server_directory import ServerDirectory, sweep


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_close_removes_directory_and_shared_memory() -> None:
    run = ServerDirectory()
    region = Path("/dev/shm", f"{run.shared_memory_prefix}region")
    region.touch()
    (run.path / "file").touch()
    run.close()
    run.close()
    assert not run.path.exists()
    assert not region.exists()


def test_a_living_servers_directory_stays() -> None:
    run = ServerDirectory()
    assert sweep() == []
    other = ServerDirectory()
    assert run.path.exists()
    assert other.path.exists()
    run.close()
    other.close()


def test_a_killed_servers_directory_goes(tmp_path: Path) -> None:
    code = (
        "import time, tempfile; from mmebench.server_directory import ServerDirectory;"
        f"tempfile.tempdir = {str(tmp_path)!r}; run = ServerDirectory();"
        "print(run.path, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        region = Path("/dev/shm", f"{path.name}-region")
        region.touch()
        assert sweep() == []
        os.kill(process.pid, signal.SIGKILL)
    assert sweep() == [path]
    assert not path.exists()
    assert not region.exists()


def test_a_directory_of_another_kind_stays(tmp_path: Path) -> None:
    (tmp_path / "mmebench-notes").mkdir()
    assert sweep() == []
    assert (tmp_path / "mmebench-notes").exists()
