"""What a local endpoint counts, on every request and so with plain numbers."""

from bisect import bisect_left
from collections import deque

from mmebench.endpoints.endpoint import TargetLoading

BOUNDS_US = tuple(value * 10**power for power in range(2, 8) for value in (1, 2, 5))
"""100 microseconds to 50 seconds."""
_BOUNDS = tuple(bound / 1e6 for bound in BOUNDS_US)


class Distribution:
    """Durations, in seconds, by size."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(_BOUNDS, seconds)] += 1
        self.sum += seconds


class EndpointMetrics:
    """The numbers, of all instances together; the attributes are counted up by whoever sees it happen."""

    def __init__(self) -> None:
        self.invocations = 0
        self.cache_lookups = 0
        self.cache_hits = 0
        self.errors_4xx = 0
        self.errors_5xx = 0
        self.model_errors = 0
        self.container_deaths = 0
        self.convicted = 0
        self.model_latency = Distribution()
        self.overhead_latency = Distribution()
        self.loading_wait = Distribution()
        self.downloading = Distribution()
        self.loading = Distribution()
        self.unloading = Distribution()
        self.recent_loads: deque[TargetLoading] = deque(maxlen=1024)

    def refused(self, status: int) -> None:
        """An invocation got an error for an answer."""
        if status < 500:
            self.errors_4xx += 1
        else:
            self.errors_5xx += 1
