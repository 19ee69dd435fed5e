"""The inbox: takes the samples of all workers, in turn and each once, and files them."""

from collections import defaultdict

import numpy as np
import pyarrow as pa
from locust.runners import Runner

from mmebench.load.client.recorder import ROW, Rows
from mmebench.load.messages import Samples, Taken
from mmebench.load.processes.locust_statistics import fold
from mmebench.load.processes.sample_stream import SampleStream
from mmebench.record.run import FailedAlike


class Inbox:
    """Files are the stream on disk and Locust's own statistics."""

    def __init__(self, runner: Runner, stream: SampleStream) -> None:
        self._runner = runner
        self._stream = stream
        self._expected: dict[str, int] = defaultdict(int)
        self._latest: list[Rows] = []

    def take(self, node: str, samples: Samples) -> tuple[Rows, pa.RecordBatch] | None:
        """File what a worker sends, and tell it so; returns it as it came and as it was written.

        None where it came before, or before its turn: a worker that has lost its link sends again what may have
        been lost with it.
        """
        filed = self._file(samples) if samples.number == self._expected[node] else None
        if filed is not None:
            self._expected[node] += 1
        if self._expected[node]:
            taken = Taken(self._expected[node] - 1)
            self._runner.send_message(taken.name, taken.data(), node)
        return filed

    def _file(self, samples: Samples) -> tuple[Rows, pa.RecordBatch]:
        rows = np.frombuffer(samples.rows, ROW)
        batch = self._stream.write(rows, samples.errors)
        complaints = [FailedAlike(**complaint) for complaint in samples.complaints]
        fold(rows, complaints, self._runner.environment.stats)
        self._latest.append(rows)
        return rows, batch

    def latest(self) -> Rows:
        """What came since this was last asked."""
        rows: Rows = np.concatenate([np.empty(0, ROW), *self._latest])
        self._latest.clear()
        return rows
