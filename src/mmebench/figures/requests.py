"""All requests of a load at once, as arrays: for figures of very many targets."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from mmebench.figures.inferred_residency import infer_cold
from mmebench.record.own_samples import Flags, Numbers, Targets
from mmebench.record.run import Capacity
from mmebench.record.samples import count_samples, open_samples

_COLUMNS = ["intended_ns", "start_ns", "end_ns", "target", "error", "cold"]


@dataclass(frozen=True)
class Requests:
    """Those outside of the windows that count, too. Times are nanoseconds since the load began."""

    names: list[str]
    """Of the targets."""
    target: npt.NDArray[np.int32]
    """The place of its target's name, of each request."""
    intended: Numbers
    """When the schedule wanted it to start; in a closed loop the same array as ``start``."""
    start: Numbers
    end: Numbers
    good: Flags
    """Which were answered with success."""
    waited: Flags | None
    """Which of these waited for their target to be loaded; None where nobody knows."""

    def latencies(self) -> tuple[Numbers, Numbers]:
        """When each success ended and how long it took from its intended start, in the file's order."""
        latency = (self.end - self.intended)[self.good]
        return self.end[self.good], latency


def read_requests(samples: Path, capacity: Capacity | None) -> Requests:
    """The requests in a file of samples; where the endpoint does not say what was cold, it is inferred."""
    count, first, told = count_samples(samples), 0, False
    target, start, end = np.empty(count, np.int32), np.empty(count, np.int64), np.empty(count, np.int64)
    intended = start
    good, waited = np.empty(count, np.bool_), np.empty(count, np.bool_)
    places: dict[str, int] = {}
    with open_samples(samples) as file:  # one row group after another, so that few are there twice
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, _COLUMNS)
            own, targets = slice(first, first + len(table)), Targets(table)
            start[own], end[own] = table["start_ns"].to_numpy(), table["end_ns"].to_numpy()
            wanted = table["intended_ns"].to_numpy()
            if intended is start and not np.array_equal(wanted, start[own]):
                intended = start.copy()
            intended[own] = wanted
            at = [places.setdefault(name, len(places)) for name in targets.names]
            target[own] = np.array(at, np.int32)[targets.codes]
            good[own] = pc.is_null(table["error"]).to_numpy()
            waited[own] = pc.fill_null(table["cold"], False).to_numpy()
            told |= table["cold"].null_count < len(table)
            first += len(table)
    cold = waited if told else infer_cold(samples, capacity)
    return Requests(list(places), target, intended, start, end, good, None if cold is None else cold & good)
