import os
import stat
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
