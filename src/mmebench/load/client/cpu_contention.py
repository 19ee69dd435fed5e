"""How busy the client's machine is, and how long the client waits for a core of it. Linux says; others do not."""

import os
from pathlib import Path
from threading import get_native_id
from typing import NamedTuple


class MachineTicks(NamedTuple):
    """What all cores have done since the machine started, in ticks of any length."""

    busy: int
    """In use by anybody here."""
    stolen: int
    """Wanted by somebody here, and given to another machine by the hypervisor."""
    total: int


def read_ticks(stat: Path = Path("/proc/stat")) -> MachineTicks | None:
    """See proc(5); None where there is no such file."""
    try:
        first = stat.read_text().partition("\n")[0].split()
    except OSError:
        return None
    user, nice, system, idle, iowait, irq, softirq, stolen = map(int, first[1:9])
    busy = user + nice + system + irq + softirq
    return MachineTicks(busy, stolen, busy + idle + iowait + stolen)


class CoreWait:
    """For how long this thread has stood in the queue for a core; nanoseconds since it began."""

    def __init__(self) -> None:
        try:
            self._file: int | None = os.open(f"/proc/self/task/{get_native_id()}/schedstat", os.O_RDONLY)
        except OSError:  # another system, or a kernel that does not count it
            self._file = None

    def read(self) -> int:
        """0 where nobody says; a call takes two microseconds."""
        return 0 if self._file is None else int(os.pread(self._file, 96, 0).split()[1])

    def close(self) -> None:
        """Read no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
