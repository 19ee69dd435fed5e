"""Processes that end with the one that started them."""

import os
import signal
import subprocess
from pathlib import Path

from mmebench.die_with_parent import dying_with_parent


def test_a_command_runs_while_its_parent_does_and_not_once_that_was_killed_before_it_began(tmp_path: Path) -> None:
    command = dying_with_parent(["/usr/bin/touch", str(tmp_path / "ran")], signal.SIGTERM)
    assert subprocess.run(command).returncode == 0
    (tmp_path / "ran").unlink()
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    late = [str(gone.pid) if part == str(os.getpid()) else part for part in command]
    assert subprocess.run(late).returncode == 1
    assert not (tmp_path / "ran").exists()
