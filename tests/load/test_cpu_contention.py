"""How long a thread stands in the queue for a core, by the kernel's own count."""

import os
import subprocess
import sys
from time import monotonic_ns, process_time_ns

import pytest

from mmebench.load.client.cpu_contention import CoreWait
from support.patience import wait_until

MS = 1_000_000


def work() -> None:
    """For 20 ms of a core, however long that takes."""
    until = process_time_ns() + 20 * MS
    while process_time_ns() < until:
        pass


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="nobody can be tied to a core here")
def test_who_wants_a_core_that_others_want_waits_for_it() -> None:
    allowed = os.sched_getaffinity(0)
    core = min(allowed)
    script = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    wait = CoreWait()
    start, before = monotonic_ns(), wait.read()

    def waited_ns() -> int:
        return wait.read() - before

    def has_waited() -> bool:
        work()
        return waited_ns() > 100 * MS

    try:
        os.sched_setaffinity(0, {core})
        wait_until(has_waited)
        assert waited_ns() < monotonic_ns() - start
    finally:
        wait.close()
        os.sched_setaffinity(0, allowed)
        for other in others:
            other.kill()
            other.wait()
