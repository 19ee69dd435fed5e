"""The summary: one row a stage, computed from samples only.

A sample belongs to the stage in whose window its answer was complete, so that rows add up and throughput is
counted from the same requests as latency. Latency is from the intended start to the last byte, of successes
only; failures are counted and never averaged in.

Where only Locust's own history is there (results of another tool in this layout), its since-start counts and
averages are differenced to give what happened in each stage; what cannot be recovered that way is left empty.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mmebench.errors import BadInputError
from mmebench.results.layout import RunFiles, find_runs
from mmebench.results.run import Run, StageWindow, read_run
from mmebench.results.samples import read_samples

NAN = math.nan


@dataclass(frozen=True)
class StageSummary:
    """What one stage came to. Latencies are milliseconds; NaN where the samples cannot carry the figure."""

    users: int
    window_seconds: float
    successes: int
    failures: int
    throughput: float
    """Successes per second of the window."""
    mean: float
    minimum: float
    maximum: float
    p50: float
    p90: float
    p95: float
    p99: float
    cold_starts: int | None
    cold_p50: float
    littles_law: float
    """Users that throughput x mean latency accounts for, over the users there were: 1 when every user was
    always waiting for an answer, less by the time users think or the client needs."""


def summarise_stage(stage: StageWindow, samples: pa.Table) -> StageSummary:
    """The figures of one stage.

    Args:
        stage: whose window counts.
        samples: those of the whole run, as :data:`mmebench.results.samples.SCHEMA`.
    """
    end = samples["end_ns"].to_numpy()
    inside = (end >= stage.ready * 1e9) & (end < stage.end * 1e9)
    success = pc.is_null(samples["error"]).to_numpy() & inside
    latency = np.sort((end - samples["intended_ns"].to_numpy())[success]) / 1e6
    seconds = stage.end - stage.ready
    successes = int(np.count_nonzero(success))
    throughput = successes / seconds if seconds > 0 else NAN
    mean = float(latency.mean()) if successes else NAN
    cold_known = samples["cold"].null_count < len(samples)
    cold = success & samples["cold"].fill_null(False).to_numpy()
    cold_latency = np.sort((end - samples["intended_ns"].to_numpy())[cold]) / 1e6
    return StageSummary(
        users=stage.users,
        window_seconds=seconds,
        successes=successes,
        failures=int(np.count_nonzero(inside)) - successes,
        throughput=throughput,
        mean=mean,
        minimum=float(latency[0]) if successes else NAN,
        maximum=float(latency[-1]) if successes else NAN,
        p50=percentile(latency, 0.50),
        p90=percentile(latency, 0.90),
        p95=percentile(latency, 0.95),
        p99=percentile(latency, 0.99),
        cold_starts=int(np.count_nonzero(cold)) if cold_known else None,
        cold_p50=percentile(cold_latency, 0.50),
        littles_law=throughput * mean / 1e3 / stage.users if successes else NAN,
    )


def percentile(ordered: npt.NDArray[np.float64], share: float) -> float:
    """The smallest value that at least ``share`` of the values do not exceed: an observed value, exact.

    NaN where fewer than one value would lie above it: p99 of 71 values would only be their maximum.
    """
    count = len(ordered)
    if count * (1 - share) < 1 - 1e-9:
        return NAN
    return float(ordered[math.ceil(count * share - 1e-9) - 1])


def summarise_history(history: pd.DataFrame) -> list[StageSummary]:
    """Stages recovered from Locust's ``_stats_history.csv``, one for each stretch with the same user count.

    Locust writes counts and averages since the start of the test; differences between the first and the last
    row of a stretch give the stretch's own. The first seconds, while users start, belong to no stretch of
    their own and are dropped where a stretch is shorter than three rows.
    """
    rows = history[history["Name"] != "Aggregated"]
    stages = []
    for _, stretch in rows.groupby((rows["User Count"] != rows["User Count"].shift()).cumsum()):
        if len(stretch) < 3 or stretch["User Count"].iloc[0] == 0:
            continue
        first, last = stretch.iloc[0], stretch.iloc[-1]
        seconds = float(last["Timestamp"] - first["Timestamp"])
        requests = int(last["Total Request Count"] - first["Total Request Count"])
        failures = int(last["Total Failure Count"] - first["Total Failure Count"])
        response_time = _total_response_time(last) - _total_response_time(first)
        throughput = (requests - failures) / seconds if seconds > 0 else NAN
        mean = response_time / requests if requests else NAN
        users = int(last["User Count"])
        stages.append(
            StageSummary(
                users=users,
                window_seconds=seconds,
                successes=requests - failures,
                failures=failures,
                throughput=throughput,
                mean=mean,
                minimum=NAN,
                maximum=NAN,
                p50=NAN,
                p90=NAN,
                p95=NAN,
                p99=NAN,
                cold_starts=None,
                cold_p50=NAN,
                littles_law=throughput * mean / 1e3 / users,
            )
        )
    return stages


def _total_response_time(row: "pd.Series[float]") -> float:
    """Milliseconds of all requests so far; Locust's average counts failed requests too."""
    return float(row["Total Average Response Time"]) * float(row["Total Request Count"])


_COLUMNS: dict[str, Callable[[StageSummary], float | int | None]] = {
    "User Count": lambda stage: stage.users,
    "Requests/s": lambda stage: stage.throughput,
    "Total Median Response Time": lambda stage: stage.p50,
    "Total Average Response Time": lambda stage: stage.mean,
    "Total Min Response Time": lambda stage: stage.minimum,
    "Total Max Response Time": lambda stage: stage.maximum,
    "Successful Requests": lambda stage: stage.successes,
    "Failed Requests": lambda stage: stage.failures,
}
"""The columns that tools for this layout know, each with the value of the stage itself."""


def summarise(directory: Path) -> pd.DataFrame:
    """One row a stage for every run in a ``results/<model>`` directory.

    Raises:
        BadInputError: there is no run in it, or a file of a run cannot be read.
    """
    if not directory.is_dir():
        raise BadInputError(f"{directory}: no such directory; give results/<model> of an earlier run")
    frames = [_summarise_run(files) for files in find_runs(directory)]
    if not frames:
        raise BadInputError(
            f"{directory}: no results; a run is <instance_type>*<platform>*<targets>_stats_history.csv and more"
        )
    return pd.concat(frames, ignore_index=True)


def _summarise_run(files: RunFiles) -> pd.DataFrame:
    """The rows of one run: from its samples, or from Locust's history where there are none."""
    if files.run.exists() and files.samples.exists():
        run: Run | None = read_run(files.run)
        samples = read_samples(files.samples)
        stages = [summarise_stage(stage, samples) for stage in run.stages] if run else []
        basis = "samples"
    else:
        run = None
        try:
            stages = summarise_history(pd.read_csv(files.stats_history))
        except (KeyError, ValueError) as error:
            raise BadInputError(f"{files.stats_history}: not a stats history of Locust ({error})") from None
        basis = "locust history"
    capacity = run.capacity if run else None
    rows = [
        {
            "model_name": files.directory.name,
            "instance_type": files.instance_type,
            "platform": files.platform,
            "max_models_loaded": min(files.targets, capacity.fits) if capacity else files.targets,
            **{column: value(stage) for column, value in _COLUMNS.items()},
            "precision": run.precision if run else None,
            "targets": files.targets,
            "p90": stage.p90,
            "p95": stage.p95,
            "p99": stage.p99,
            "cold_starts": stage.cold_starts,
            "cold_p50": stage.cold_p50,
            "window_seconds": stage.window_seconds,
            "littles_law": stage.littles_law,
            "complete": run.complete if run else None,
            "basis": basis,
        }
        for stage in stages
    ]
    return pd.DataFrame(rows)
