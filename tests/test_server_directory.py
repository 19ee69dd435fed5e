"""What a killed server leaves, and who removes it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
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


def _pipe_for_a_lock(path: Path) -> None:
    path.mkdir(0o700)
    os.mkfifo(path / ".lock")


def _pipe(path: Path) -> None:
    os.mkfifo(path, 0o700)


def _link(path: Path) -> None:
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir(0o700)
    (elsewhere / ".lock").touch()
    path.symlink_to(elsewhere)


def _link_for_a_lock(path: Path) -> None:
    path.mkdir(0o700)
    (path.parent / "lock").touch()
    (path / ".lock").symlink_to(path.parent / "lock")


def _folder_for_a_lock(path: Path) -> None:
    (path / ".lock").mkdir(parents=True)
    path.chmod(0o700)


def _open_to_others(path: Path) -> None:
    path.mkdir()
    path.chmod(0o755)
    (path / ".lock").touch()


def _of_another_user(path: Path) -> None:
    path.mkdir(0o700)
    (path / ".lock").touch()
    try:
        os.chown(path, 12345, 12345)
    except PermissionError:
        pytest.skip("only root gives folders away")


@pytest.mark.parametrize(
    "make",
    [_pipe_for_a_lock, _pipe, _link, _link_for_a_lock, _folder_for_a_lock, _open_to_others, _of_another_user],
)
def test_what_others_put_there_stays_and_keeps_nobody_waiting(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    """A pipe would be waited for until somebody writes to it."""
    foreign = tmp_path / "mmebench-abcd_123"
    make(foreign)
    before = sorted(tmp_path.rglob("*"))
    script = "from mmebench.server_directory import ServerDirectory; ServerDirectory().close()"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], env=environment, timeout=30, check=True)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["mmebench-*", "mmebench-????????", "mmebench-[a-z]", "mmebench-load-abcd_123"])
def test_a_name_that_is_a_pattern_takes_no_shared_memory(name: str, tmp_path: Path) -> None:
    run = ServerDirectory()
    region = Path("/dev/shm", f"{run.shared_memory_prefix}region")
    region.touch()
    foreign = tmp_path / name
    foreign.mkdir(0o700)
    (foreign / ".lock").touch()
    assert sweep() == []
    assert region.exists()
    assert foreign.exists()
    run.close()
    assert not region.exists()
