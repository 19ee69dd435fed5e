"""What a run left on disk, read once for all pictures of it: its samples may be millions."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmebench.figures.by_target import summarise_targets
from mmebench.figures.cold_map import ColdMap, map_cold
from mmebench.figures.errors import find_errors
from mmebench.figures.latency import find_distribution, latency_by_second
from mmebench.figures.requests import read_requests
from mmebench.record.layout import RunFiles
from mmebench.record.metrics import read_metrics
from mmebench.record.run import Run, find_run
from mmebench.record.samples import read_good
from mmebench.record.sightings import read_sightings
from mmebench.report.runs import RunKey


class Recorded(NamedTuple):
    """A table is empty where nobody recorded anything."""

    files: RunFiles
    run: Run | None
    """None for the result of another tool, and where the record cannot be read."""
    course: pd.DataFrame
    """As :func:`mmebench.figures.latency.latency_by_second` gives it."""
    distribution: npt.NDArray[np.float64] | None
    """As :func:`mmebench.figures.latency.find_distribution` gives it; None without a success."""
    errors: pd.DataFrame
    """As :func:`mmebench.figures.errors.find_errors` gives it."""
    targets: pd.DataFrame
    """As :func:`mmebench.figures.by_target.summarise_targets` gives it."""
    cold: ColdMap | None
    """None where no request waited for a load, or nobody knows."""
    sightings: pd.DataFrame
    metrics: pd.DataFrame

    @property
    def key(self) -> RunKey:
        """Which run it is."""
        return RunKey(self.files.instance_type, self.files.platform, self.files.targets)


def read_recorded(files: RunFiles) -> Recorded:
    """Read all of it."""
    run = find_run(files)
    course, distribution, cold = pd.DataFrame(), None, None
    errors, targets = pd.DataFrame(), pd.DataFrame()
    if run is not None and files.samples.exists():
        requests = read_requests(files.samples, run.capacity)
        targets, cold = summarise_targets(requests, run), map_cold(requests)
        del requests  # or all requests would be in memory twice
        errors = find_errors(files.samples)
        good = read_good(files.samples)
        course = latency_by_second(good.end_ns, good.latency_ns, [stage.start for stage in run.stages])
        distribution = find_distribution(good.latency_ns) if len(good.latency_ns) else None
    return Recorded(
        files,
        run,
        course,
        distribution,
        errors,
        targets,
        cold,
        read_sightings(files.sightings),
        read_metrics(files.metrics),
    )
