"""What this machine is doing while an endpoint on it is under load: read once a second, in a thread of its own.

The figures are those of the ``server_metrics`` target. A target would have to be kept in memory and asked by
requests; what is on the same machine is read without either.
"""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import psutil

from mmebench.endpoints.endpoint import Metric
from mmebench.endpoints.server_metrics.reading import ServerMetrics, as_metrics
from mmebench.gpus.gpu import Gpu, GpuReading
from mmebench.gpus.nvml import GpuError, read_gpu

_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0
_MEBIBYTE = 1024 * 1024
_NOT_REPORTED = -1.0


class MachineMetrics:
    """Begins to read at once, and ends with :meth:`close`."""

    def __init__(self, gpus: Sequence[Gpu]) -> None:
        """Of these GPUs, and of the host."""
        self._gpus = gpus
        self._samples: list[tuple[datetime, ServerMetrics]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="machine metrics", daemon=True)
        self._thread.start()

    def between(self, since: datetime, until: datetime) -> tuple[Metric, ...]:
        """What was read in that time, as of the target ``server_metrics``."""
        samples = list(self._samples)
        return tuple(metric for at, sample in samples if since <= at <= until for metric in as_metrics(at, sample))

    def close(self) -> None:
        """No more; what was read stays. A driver that does not answer is waited for no longer than it matters."""
        self._ended.set()
        self._thread.join(_PATIENCE_SECONDS)

    def _read(self) -> None:
        psutil.cpu_percent()  # it counts from one call to the next
        while not self._ended.wait(_SECONDS):
            try:
                readings = [read_gpu(gpu) for gpu in self._gpus]
            except GpuError:
                return  # a GPU is gone, and with it the endpoint, which says so
            self._samples.append((datetime.now(UTC), _metrics(self._gpus, readings)))


def _metrics(gpus: Sequence[Gpu], readings: Sequence[GpuReading]) -> ServerMetrics:
    def told(values: Sequence[float | None]) -> tuple[float, ...]:
        return tuple(_NOT_REPORTED if value is None else value for value in values)

    return ServerMetrics(
        gpu_utilization=told([reading.utilization for reading in readings]),
        gpu_memory_utilization=told([reading.memory_utilization for reading in readings]),
        gpu_total_memory=tuple(gpu.total / _MEBIBYTE for gpu in gpus),
        gpu_free_memory=tuple(reading.free / _MEBIBYTE for reading in readings),
        gpu_used_memory=tuple(reading.used / _MEBIBYTE for reading in readings),
        gpu_power=told([reading.power for reading in readings]),
        gpu_energy=told([reading.energy for reading in readings]),
        cpu_utilization=psutil.cpu_percent(),
        memory_utilization=psutil.virtual_memory().percent,
    )
