"""What a report computes of the samples of a run, which may be millions."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmebench.figures.by_target import summarise_targets
from mmebench.figures.cold_map import ColdMap, map_cold
from mmebench.figures.errors import find_errors
from mmebench.figures.latency import find_distribution, latency_by_second
from mmebench.figures.requests import read_requests
from mmebench.figures.summary import summarise_run
from mmebench.record.layout import RunFiles
from mmebench.record.run import find_run


class Figures(NamedTuple):
    """A table is empty where nobody recorded anything."""

    rows: pd.DataFrame
    """Of the summary, one a stage, as :func:`mmebench.figures.summary.summarise_run` gives them."""
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


def compute_figures(files: RunFiles) -> Figures:
    """All of them, from the files of the run and of its repeats.

    Raises:
        BadInputError: a file of the run cannot be read.
    """
    run, rows = find_run(files), summarise_run(files)
    if run is None or not files.samples.exists():
        nothing = pd.DataFrame()
        return Figures(rows, nothing, None, nothing, nothing, None)
    requests = read_requests(files.samples, run.capacity)
    targets, cold = summarise_targets(requests, run), map_cold(requests)
    end, latency = requests.latencies()
    del requests  # or all requests would be in memory twice
    course = latency_by_second(end, latency, [stage.start for stage in run.stages])
    distribution = find_distribution(latency) if len(latency) else None
    return Figures(rows, course, distribution, find_errors(files.samples), targets, cold)
