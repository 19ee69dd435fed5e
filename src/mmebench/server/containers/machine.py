"""What processes really use of this machine's memory."""

import platform
from pathlib import Path

import psutil


def proportional_bytes(pid: int) -> int:
    """Memory of one process, where a page that several share counts in parts; 0 once it is gone.

    Sums over processes that share libraries are then what they take together. Linux only knows this; elsewhere it
    is what would be free if the process ended.
    """
    try:
        if platform.system() != "Linux":
            return int(psutil.Process(pid).memory_full_info().uss)
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)
