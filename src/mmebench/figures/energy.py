"""What the GPUs of an endpoint took of the mains for a stage."""

import numpy as np
import pandas as pd

from mmebench.figures.statistics import NAN
from mmebench.record.layout import RunFiles
from mmebench.record.metrics import read_metrics, since_load_began
from mmebench.record.run import Run, StageWindow

_ENERGY = "gpu_energy"


def with_energy(stages: pd.DataFrame, run: Run, files: RunFiles) -> pd.DataFrame:
    """The rows of a run's stages with what all GPUs of the endpoint took; as they are where none has said it.

    Columns: ``gpu_power_w``, the mean over the stage's window, idle power included, and ``joules_per_inference``,
    where each row of a batch is one. The times of readings are known to a second or so: of a window of a few
    seconds the figures are rough.
    """
    metrics = read_metrics(files.metrics)
    readings = metrics[metrics["metric"] == _ENERGY]
    if readings.empty or not run.stages:
        return stages
    readings = since_load_began(readings, files.stats_history, run.stages[0].start)
    energy = [_taken(readings, window) for window in run.stages]
    seconds = [window.end - window.ready for window in run.stages]
    inferences = stages["Successful Requests"] * run.spec.get("workload", {}).get("payload", {}).get("batch", 1)
    return stages.assign(
        gpu_power_w=[joules / time if time > 0 else NAN for joules, time in zip(energy, seconds, strict=True)],
        joules_per_inference=np.where(inferences > 0, energy / inferences.where(inferences > 0, 1), NAN),
    )


def _taken(readings: pd.DataFrame, window: StageWindow) -> float:
    """Joules of all GPUs within the window, in proportion where it begins or ends between readings or beyond.

    NaN where less than half of it was read, or a counter fell in it: it began anew, or the clock was set back.
    """
    total = NAN if readings.empty else 0.0
    seconds = window.end - window.ready
    for _, of_gpu in readings.groupby("statistic"):
        at, joules = of_gpu["second"].to_numpy(float), of_gpu["value"].to_numpy(float)
        covered = np.clip([window.ready, window.end], at.min(), at.max())
        read = float(covered[1] - covered[0])
        begun, ended = np.interp(covered, at, joules)
        first, last = np.searchsorted(at, covered[0], "right") - 1, np.searchsorted(at, covered[1])
        falls = bool((np.diff(joules[first : last + 1]) < 0).any())
        total += float(ended - begun) * seconds / read if read > max(seconds, 0) / 2 and not falls else NAN
    return total
