import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mmebench.endpoints.sagemaker import journal


def test_a_journal_is_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the umask, and where an older version has left the folder open."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    before = os.umask(0)
    try:
        journal.directory().mkdir(parents=True)
        written = journal.begin("of-a-test", "123456789012")
    finally:
        os.umask(before)
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(written.path.parent.stat().st_mode) == 0o700
    written.remove()


BEGIN_MANY = """
from mmebench.endpoints.sagemaker import journal
for number in range(300):
    written = journal.begin(f"of-a-test-{number}", "123456789012")
    assert written.path.exists(), number
    written.remove()
"""


def test_one_that_is_begun_while_others_clean_is_there_and_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", BEGIN_MANY], stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            for left in journal.left_behind():
                left.remove()
        assert process.stderr is not None
        assert process.returncode == 0, process.stderr.read()
    assert list(journal.directory().iterdir()) == []


@pytest.mark.parametrize("call", ["flock", "exists", "fsync"])
def test_a_process_that_is_killed_while_it_begins_one_leaves_what_can_be_cleaned(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    where = {"flock": "fcntl.flock", "exists": "pathlib.Path.exists", "fsync": "os.fsync"}[call]
    module, _, name = where.rpartition(".")
    code = (
        "import fcntl, os, pathlib, signal;"
        "from mmebench.endpoints.sagemaker import journal;"
        f"setattr({module}, {name!r}, lambda *_: os.kill(os.getpid(), signal.SIGKILL));"
        "journal.begin('of-a-test', '123456789012')"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    for left in journal.left_behind():
        assert left.resources == []
        left.remove()
    assert list(journal.directory().iterdir()) == []
