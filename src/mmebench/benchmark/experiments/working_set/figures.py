"""What the loads of a working-set experiment came to: hits, cold starts, and where thrash begins."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from mmebench.figures.inferred_residency import infer_cold, with_inferred
from mmebench.figures.lru import characteristic_time, predict_hit_ratio
from mmebench.figures.stage import StageSummary, summarise_stage
from mmebench.figures.statistics import NAN
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.run import Run, StageWindow, find_run
from mmebench.record.samples import read_samples
from mmebench.record.sightings import read_sightings, within
from mmebench.spec import Zipf

THRASH = 0.5
"""From this share of all waiting on, spent on cold starts, an endpoint is said to thrash."""

Cell = float | int | str | None


def summarise_working_set(loads: Path, fits: int) -> pd.DataFrame:
    """One row for each popularity and number of targets, in this order.

    * ``zipf``, ``targets``, ``ratio``: the popularity, and the targets as a multiple of those that fit.
    * ``resident``: targets in memory, the median of what was seen within the window. It may be more than fit when
      each is as large as a load can make it.
    * ``hit_ratio``: successes that found their target in memory; ``predicted_hit_ratio`` is
      :func:`~mmebench.figures.lru.predict_hit_ratio`'s for as many targets as were resident,
      ``prediction_error`` the first less the second.
    * ``cold_starts_per_s``, ``cold_time_share``: of all that requests waited, the share that cold ones did;
      ``cold_inferred``: the endpoint does not say which were, see :mod:`mmebench.figures.inferred_residency`.
    * ``requests_per_s``, ``failures``, ``p50_ms``, ``p90_ms``, ``p99_ms``, and p50 and p99 of the warm and of the
      cold; a percentile that so few requests cannot carry is missing.
    * ``evictions``: from the load's beginning to its end.
    * ``lru_age_s``: for how long nobody had asked for the target that would be evicted next, the median over
      the window; ``predicted_lru_age_s`` is what the prediction says.

    Args:
        loads: the folder of the experiment, with a folder for each popularity.
        fits: targets that are in memory together without an eviction.
    """
    rows = []
    for folder in sorted(loads.glob("zipf*"), key=lambda path: float(path.name.removeprefix("zipf"))):
        s = float(folder.name.removeprefix("zipf"))
        for files in find_runs(folder):
            run = find_run(files) if files.samples.exists() else None
            if run is not None and run.complete and all(window.end > window.ready for window in run.stages):
                rows.append(_summarise_load(files, run, s, fits))
    return pd.DataFrame(rows)


def find_thrash(cells: pd.DataFrame) -> float | None:
    """The ratio of targets to those that fit at which thrash begins, for the rows of one popularity.

    Where cold starts begin to take more than :data:`THRASH` of all waiting, between two loads by a straight line.
    None where that never was; the smallest ratio where it always was.
    """
    ordered = cells.dropna(subset="cold_time_share").sort_values("ratio")
    ratios, shares = ordered["ratio"].to_numpy(float), ordered["cold_time_share"].to_numpy(float)
    over = np.flatnonzero(shares >= THRASH)
    if not len(over):
        return None
    first = int(over[0])
    if first == 0:
        return float(ratios[0])
    return float(np.interp(THRASH, shares[first - 1 : first + 1], ratios[first - 1 : first + 1]))


def _summarise_load(files: RunFiles, run: Run, s: float, fits: int) -> dict[str, Cell]:
    samples = read_samples(files.samples)
    inferred = infer_cold(files.samples, run.capacity, _resident_at_first(run, fits))
    if inferred is not None:
        samples = with_inferred(samples, inferred)
    (window,) = run.stages
    stage = summarise_stage(window, samples)
    sightings = within(read_sightings(files.sightings), window)
    resident = float(sightings["targets"].median())
    capacity = fits if math.isnan(resident) else round(resident)
    shares = _shares(run, files.targets, Zipf(kind="zipf", s=s))
    predicted = predict_hit_ratio(shares, capacity)
    hits = NAN if not stage.successes or stage.cold_starts is None else 1 - stage.cold_starts / stage.successes
    age = characteristic_time(shares, capacity) / stage.throughput if stage.throughput else NAN
    return {
        "zipf": s,
        "targets": files.targets,
        "ratio": files.targets / fits,
        "resident": resident,
        "hit_ratio": hits,
        "predicted_hit_ratio": predicted,
        "prediction_error": hits - predicted,
        **_latencies(stage),
        "cold_starts_per_s": NAN if stage.cold_starts is None else stage.cold_starts / stage.window_seconds,
        "cold_inferred": inferred is not None,
        "cold_time_share": _cold_time_share(samples, window),
        "evictions": run.evictions_during_load,
        "lru_age_s": _lru_age(samples, sightings),
        "predicted_lru_age_s": NAN if math.isinf(age) else age,
    }


def _shares(run: Run, targets: int, popularity: Zipf) -> npt.NDArray[np.float64]:
    """The share of the requests that each target gets; of a fleet within the share of its kind."""
    kinds = [(kind.requests, len(kind.targets)) for kind in run.kinds] or [(1.0, targets)]
    spreads = [(requests, popularity.spread([""] * count)) for requests, count in kinds]
    return np.concatenate([requests * spread / spread.sum() for requests, spread in spreads])


def _resident_at_first(run: Run, fits: int) -> list[str]:
    """The most popular targets, the most popular one last: the experiment has them loaded before each load."""
    loads = run.capacity.loads if run.capacity else ()
    return [load.target for load in loads[:fits]][::-1]


def _latencies(stage: StageSummary) -> dict[str, Cell]:
    return {
        "requests_per_s": stage.throughput,
        "failures": stage.failures,
        "p50_ms": stage.p50,
        "p90_ms": stage.p90,
        "p99_ms": stage.p99,
        "warm_p50_ms": stage.warm.p50,
        "warm_p99_ms": stage.warm.p99,
        "cold_p50_ms": stage.cold.p50,
        "cold_p99_ms": stage.cold.p99,
    }


def _cold_time_share(samples: pa.Table, window: StageWindow) -> float:
    """Of all that the successes of the window waited, how much the cold ones did; NaN where nobody knows them."""
    if samples["cold"].null_count == len(samples):
        return NAN
    end = samples["end_ns"].to_numpy() / 1e9
    good = samples["error"].is_null().to_numpy() & (end >= window.ready) & (end < window.end)
    latency = (samples["end_ns"].to_numpy() - samples["intended_ns"].to_numpy())[good]
    cold = samples["cold"].fill_null(False).to_numpy()[good]
    return float(latency[cold].sum() / latency.sum()) if latency.sum() else NAN


def _lru_age(samples: pa.Table, sightings: pd.DataFrame) -> float:
    """Median over the sightings; NaN where there are none."""
    target = samples["target"].combine_chunks()
    names = {name: code for code, name in enumerate(target.dictionary.to_pylist())}
    codes, begun = target.indices.to_numpy(), samples["start_ns"].to_numpy() / 1e9
    ages = [
        at - last
        for at, name in zip(sightings["at"], sightings["least_recently_used"], strict=True)
        if name in names and (last := _last_before(begun[codes == names[name]], at)) is not None
    ]
    return float(np.median(ages)) if ages else NAN


def _last_before(times: npt.NDArray[np.float64], at: float) -> float | None:
    before = times[times <= at]
    return float(before.max()) if len(before) else None
