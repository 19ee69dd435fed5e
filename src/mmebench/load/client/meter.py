"""The meter: how busy the client itself is, so that nobody takes its limits for the endpoint's."""

from array import array
from time import monotonic_ns, process_time_ns
from typing import NamedTuple

import numpy as np

from mmebench.figures.statistics import observed_percentiles
from mmebench.load.client.alarm import make_alarm

_PERIOD_NS = 20_000_000


class ClientEffort(NamedTuple):
    """The client's own load within a window."""

    cpu: float
    """Share of a core that this process used; 1 is all of it."""
    lag_p99: float | None
    """Seconds that the event loop was late for a timer; 99 in 100 were less late. None where none was due."""


class Meter:
    """Asks to be woken every 20 ms and notes how late that was; notes the CPU time once a second."""

    def __init__(self) -> None:
        self._lag_at, self._lag = array("q"), array("q")
        self._cpu_at, self._cpu = array("q"), array("q")
        self.note_cpu()
        self._due_ns = monotonic_ns() + _PERIOD_NS
        self._alarm = make_alarm(self._wake)
        self._alarm.set(self._due_ns)

    def _wake(self) -> None:
        now = monotonic_ns()
        self._lag_at.append(now)
        self._lag.append(now - self._due_ns)
        self._due_ns = max(self._due_ns + _PERIOD_NS, now)
        self._alarm.set(self._due_ns)

    def note_cpu(self) -> None:
        """Called once a second."""
        self._cpu_at.append(monotonic_ns())
        self._cpu.append(process_time_ns())

    def read(self, start_ns: int, end_ns: int) -> ClientEffort:
        """The load between two moments; CPU time between two notes is taken as spent evenly."""
        self.note_cpu()
        spent = np.interp((start_ns, end_ns), self._cpu_at, self._cpu)
        cpu = float(spent[1] - spent[0]) / max(end_ns - start_ns, 1)
        late_at, late = np.array(self._lag_at, np.int64), np.array(self._lag, np.int64)
        inside = late[(late_at >= start_ns) & (late_at < end_ns)]
        return ClientEffort(cpu, observed_percentiles(inside, (0.99,))[0] / 1e9 if len(inside) else None)

    def forget(self) -> None:
        """Drop what was noted so far, but for the last CPU time; called when a stage is over."""
        self._lag_at, self._lag = array("q"), array("q")
        self._cpu_at, self._cpu = self._cpu_at[-1:], self._cpu[-1:]

    def close(self) -> None:
        """Measure no more."""
        self._alarm.close()
