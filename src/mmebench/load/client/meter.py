"""The meter: how busy the client itself is, so that nobody takes its limits for the endpoint's."""

from array import array
from time import monotonic_ns, process_time_ns
from typing import NamedTuple

import numpy as np

from mmebench.figures.statistics import observed_percentiles
from mmebench.load.client.alarm import make_alarm
from mmebench.load.client.cpu_contention import CoreWait, MachineTicks, read_ticks

_PERIOD_NS = 20_000_000


class ClientEffort(NamedTuple):
    """The client's own load within a window."""

    cpu: float
    """Share of a core that this process used; 1 is all of it."""
    lag_p99: float | None
    """Seconds that the event loop was late for a timer; 99 in 100 were less late. None where none was due."""
    own_lag_p99: float | None
    """The same without the time for which the client waited for a core: what it kept itself waiting."""
    machine_cpu: float | None
    """Share of all cores of the client's machine that were in use, by anybody; None where nobody says."""
    machine_stolen: float | None
    """Share of them that the hypervisor gave to other machines while they were wanted here."""


class Meter:
    """Asks to be woken every 20 ms and notes how late that was; notes the CPU time once a second."""

    def __init__(self) -> None:
        self._lag_at, self._lag, self._own = array("q"), array("q"), array("q")
        self._cpu_at, self._cpu = array("q"), array("q")
        self._ticks: list[MachineTicks] = []
        self._core_wait = CoreWait()
        self._waited_ns = self._core_wait.read()
        self.note_cpu()
        self._due_ns = monotonic_ns() + _PERIOD_NS
        self._alarm = make_alarm(self._wake)
        self._alarm.set(self._due_ns)

    def _wake(self) -> None:
        now, waited_ns = monotonic_ns(), self._core_wait.read()
        late = now - self._due_ns
        self._lag_at.append(now)
        self._lag.append(late)
        self._own.append(max(late - (waited_ns - self._waited_ns), 0))
        self._waited_ns = waited_ns
        self._due_ns = max(self._due_ns + _PERIOD_NS, now)
        self._alarm.set(self._due_ns)

    def note_cpu(self) -> None:
        """Called once a second."""
        self._cpu_at.append(monotonic_ns())
        self._cpu.append(process_time_ns())
        if (ticks := read_ticks()) is not None:
            self._ticks.append(ticks)

    def read(self, start_ns: int, end_ns: int) -> ClientEffort:
        """The load between two moments; CPU time between two notes is taken as spent evenly."""
        self.note_cpu()
        spent = np.interp((start_ns, end_ns), self._cpu_at, self._cpu)
        cpu = float(spent[1] - spent[0]) / max(end_ns - start_ns, 1)
        late_at = np.array(self._lag_at, np.int64)
        inside = (late_at >= start_ns) & (late_at < end_ns)
        lag, own = (
            # A timer may have been due before the window, in which its wait then does not count.
            observed_percentiles(
                np.minimum(np.array(late, np.int64)[inside], late_at[inside] - start_ns), (0.99,)
            )[0]
            / 1e9
            if inside.any()
            else None
            for late in (self._lag, self._own)
        )
        return ClientEffort(cpu, lag, own, *self._machine(start_ns, end_ns))

    def _machine(self, start_ns: int, end_ns: int) -> tuple[float | None, float | None]:
        """What its cores did; between two notes, evenly."""
        if len(self._ticks) < len(self._cpu_at):
            return None, None
        busy, stolen, total = (
            float(np.diff(np.interp((start_ns, end_ns), self._cpu_at, column))[0])
            for column in np.array(self._ticks, float).T
        )
        return (busy / total, stolen / total) if total > 0 else (None, None)

    def forget(self) -> None:
        """Drop what was noted so far, but for the last CPU time; called when a stage is over."""
        self._lag_at, self._lag, self._own = array("q"), array("q"), array("q")
        self._cpu_at, self._cpu, self._ticks = self._cpu_at[-1:], self._cpu[-1:], self._ticks[-1:]

    def close(self) -> None:
        """Measure no more."""
        self._alarm.close()
        self._core_wait.close()
