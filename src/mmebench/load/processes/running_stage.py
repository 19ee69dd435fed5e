"""The stage that runs: what the conductor ordered, and what it has been told since."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmebench.figures.stage import PERCENTILES
from mmebench.figures.statistics import estimate_percentiles, estimate_rate, lacking
from mmebench.load.client.complaints import Complaints
from mmebench.load.client.recorder import Rows
from mmebench.load.messages import BeginStage, StageReport
from mmebench.load.schedule.auto import ThoroughStage
from mmebench.load.schedule.plan import FOUND
from mmebench.load.schedule.schedule import Nanoseconds, count_within
from mmebench.load.schedule.settling import Numbers, is_precise, settled_from
from mmebench.load.schedule.stationarity import is_stationary
from mmebench.record.run import StageWindow
from mmebench.record.samples import SCHEMA
from mmebench.spec import Auto, Objectives, Stage, Stationary

_FAILING_SECONDS = 5.0


class RunningStage:
    """Times are nanoseconds of the conductor's clock."""

    def __init__(self, stage: Stage, index: int, start_ns: int, orders: Mapping[str, BeginStage]) -> None:
        """Args: ``orders`` are the shares of the workers, by their names."""
        self.stage = stage
        self.index = index
        self.start_ns = start_ns
        self.orders = orders
        self.spawned_ns: int | None = None
        """When all users had started."""
        self.settled_ns: int | None = None
        """From when on its figures count, where that is found in its answers."""
        self.reports: dict[str, StageReport] = {}
        self.lost: dict[str, str] = {}
        """Workers that are gone, and what is said of each."""
        self.complaints = Complaints()
        """What failed answers said while it ran."""
        self.joined = 0
        """Workers that came while it ran."""
        self._batches: list[pa.RecordBatch] = []
        self._intended_ns: dict[str, list[Nanoseconds]] = defaultdict(list)

    def ready_ns(self, end_ns: int) -> int:
        """From where the figures of a stage that ends at ``end_ns`` count."""
        if self.settled_ns is not None:
            return min(end_ns, self.settled_ns)
        spawned = end_ns if self.spawned_ns is None else self.spawned_ns
        return min(end_ns, max(self.start_ns + int(self.stage.warmup_seconds * 1e9), spawned))

    def lose(self, node: str, fate: str) -> None:
        """A worker is gone; ``fate`` is what becomes of its share."""
        number = self.orders[node].worker + 1
        self.lost[node] = f"client process {number} of {len(self.orders)} was lost; {fate}"

    def found(self, node: str) -> None:
        """It has come back, and with all that it had."""
        number = self.orders[node].worker + 1
        self.lost[node] = (
            f"client process {number} of {len(self.orders)} was cut off for a while; nothing is missing"
        )

    def window(self, ready_ns: int, end_ns: int, origin_ns: int) -> StageWindow:
        """What the stage was, and what the busiest worker said of itself and its machine; since ``origin_ns``."""

        def most(figures: Iterable[float | None]) -> float | None:
            return max((figure for figure in figures if figure is not None), default=None)

        reports = self.reports.values()
        return self.bare_window(ready_ns, end_ns, origin_ns).model_copy(
            update={
                "client_cpu": most(report.cpu for report in reports),
                "loop_lag_p99": most(report.lag_p99 for report in reports),
                "own_lag_p99": most(report.own_lag_p99 for report in reports),
                "machine_cpu": most(report.machine_cpu for report in reports),
                "machine_stolen": most(report.machine_stolen for report in reports),
                "failures": self.complaints.take(),
            }
        )

    def bare_window(self, ready_ns: int, end_ns: int, origin_ns: int) -> StageWindow:
        """The same while it runs: nobody has said anything of himself yet."""
        start, ready, end = ((at - origin_ns) / 1e9 for at in (self.start_ns, ready_ns, end_ns))
        return StageWindow(users=self.stage.concurrency, start=start, ready=ready, end=end, rate=self.stage.rate)

    @property
    def notes(self) -> list[str]:
        """What is to be known of the workers."""
        late = [f"client processes that joined while it ran: {self.joined}"] if self.joined else []
        return [*self.lost.values(), *late]

    # Samples that came while it ran.

    def keep(self, batch: pa.RecordBatch) -> None:
        """For whoever looks at the figures before the load is over."""
        self._batches.append(batch)

    @property
    def samples(self) -> pa.Table:
        """What was kept."""
        return pa.Table.from_batches(self._batches, SCHEMA)

    def is_stationary(self, wanted: Stationary, now_ns: int, until_ns: int, origin_ns: int) -> bool:
        """Whether what was answered until then is as steady as is wanted; times kept begin at ``origin_ns``."""
        end_ns, latency_ns = self._answers(origin_ns)
        return is_stationary(end_ns, latency_ns, self.ready_ns(now_ns), until_ns, wanted)

    def is_enough(self, wanted: Auto, objectives: Objectives, until_ns: int, origin_ns: int) -> bool:
        """Whether what was answered until then is steady, and tells its figures as precisely as is wanted.

        Where requests fail there is nothing more to be told after :data:`_FAILING_SECONDS`.
        """
        if self.spawned_ns is None:
            return False
        end_ns, latency_ns = self._answers(origin_ns)
        if len(end_ns) < sum(map(len, self._batches)) and until_ns - self.spawned_ns > _FAILING_SECONDS * 1e9:
            return True
        order = np.argsort(end_ns)
        end_ns, latency_ns = end_ns[order], latency_ns[order]
        self.settled_ns = settled_from(end_ns, latency_ns, self.spawned_ns, until_ns)
        if self.settled_ns is None:
            return False
        first, last = np.searchsorted(end_ns, [self.settled_ns, until_ns])
        fewest = max((lacking(0, PERCENTILES[name]) for name in objectives.percentiles), default=0)
        if last - first < fewest:
            return False
        thorough = isinstance(self.stage, ThoroughStage)
        percentiles, precision = (FOUND, wanted.precision) if thorough else (FOUND[:1], 2 * wanted.precision)
        estimates = estimate_percentiles(latency_ns[first:last], [PERCENTILES[name] for name in percentiles])
        rate = estimate_rate(end_ns, self.settled_ns, until_ns)
        return is_precise([rate, *estimates], precision)

    def _answers(self, origin_ns: int) -> tuple[Numbers, Numbers]:
        """When each success was answered, and how long it took."""
        samples = self.samples
        good = samples.filter(pc.is_null(samples["error"]))
        end_ns, intended_ns = (good[name].to_numpy() + origin_ns for name in ("end_ns", "intended_ns"))
        return end_ns, end_ns - intended_ns

    def note_due(self, node: str, rows: Rows) -> None:
        """A worker of an open loop has these answers."""
        self._intended_ns[node].append(rows["intended_ns"].copy())  # and not the whole rows

    def answered(self, node: str, ready_ns: int, end_ns: int) -> int:
        """Of the worker's requests that were due within the window, how many have an answer."""
        return count_within(self._intended_ns[node], ready_ns, end_ns)
