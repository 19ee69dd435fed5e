"""A clock for what costs money: it goes on while the machine sleeps."""

import time


def uptime() -> float:
    """Seconds since some moment in the past; of use only as a difference.

    ``time.monotonic`` stands still while a machine sleeps, and an endpoint goes on costing. Where there is no
    clock that counts sleep, it is the time of day, which somebody may set.
    """
    boottime = getattr(time, "CLOCK_BOOTTIME", None)  # Linux
    return time.time() if boottime is None else time.clock_gettime(boottime)
