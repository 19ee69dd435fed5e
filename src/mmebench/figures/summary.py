"""The summary: one row a stage, for a fleet too, whose rows hold those of its kinds of models.

Figures come from samples, as :mod:`mmebench.figures.stage` computes them. Where only Locust's own history is there
(results of another tool in this layout), they are recovered from it as far as that goes; see
:mod:`mmebench.figures.history`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from mmebench.errors import BadInputError
from mmebench.figures.by_model import with_models
from mmebench.figures.columns import Cell, established_columns, further_columns, time_columns
from mmebench.figures.cost import with_cost
from mmebench.figures.energy import with_energy
from mmebench.figures.history import summarise_history
from mmebench.figures.inferred_residency import infer_cold, with_inferred
from mmebench.figures.kinds import KindStage, split_stage, targets_of
from mmebench.figures.repeats import over_repeats
from mmebench.figures.stage import StageSummary, good_within, summarise_own, summarise_stage
from mmebench.figures.statistics import NAN
from mmebench.record.layout import RunFiles, find_repeats, find_runs
from mmebench.record.own_samples import COLUMNS, OwnSamples, window_ns
from mmebench.record.run import Capacity, Run, StageWindow, find_run, objectives_of, unread_records
from mmebench.record.samples import SampleFile, count_samples
from mmebench.record.sightings import read_sightings, server_times
from mmebench.spec.variants import describe_changes

__all__ = ["StageSummary", "summarise", "summarise_history", "summarise_stage"]

_STAGES_AT_ONCE = 2


def summarise(directory: Path) -> pd.DataFrame:
    """One row a stage for every run in a ``results/<model>`` directory; none for a run that broke in its first.

    Raises:
        BadInputError: there is no run in it, or none with a stage, or a file of a run cannot be read.
    """
    return put_together(directory, [summarise_run(files) for files in runs_of(directory)])


def runs_of(directory: Path) -> list[RunFiles]:
    """The runs in a ``results/<model>`` directory, of which there must be one.

    Raises:
        BadInputError: there is none.
    """
    if not directory.is_dir():
        raise BadInputError(f"{directory}: no such directory; give results/<model> of an earlier run")
    runs = find_runs(directory)
    if not runs:
        raise BadInputError(
            f"{directory}: no results; a run is <instance_type>*<platform>*<targets>_stats_history.csv and more; "
            "give results/<model> of an earlier run"
        )
    return runs


def put_together(directory: Path, runs: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all runs in a directory as one summary.

    Args:
        directory: they are of.
        runs: each has the columns that it knows, whatever others do.

    Raises:
        BadInputError: none has any rows.
    """
    if known := [rows for rows in runs if not rows.empty]:
        return pd.concat(known, ignore_index=True)
    broken = ", ".join(files.prefix.name for files in find_runs(directory))
    why = "".join(f"\n  {reason}" for reason in unread_records(directory))
    raise BadInputError(f"{directory}: no results; no stage got to its end in {broken}; run it again{why}")


def summarise_run(files: RunFiles) -> pd.DataFrame:
    """The rows of one run, if any, with what its repeats say of them; see :mod:`mmebench.figures.repeats`."""
    once, *repeats = (rows for _, rows in summarise_times(files))
    return over_repeats([once, *repeats]) if repeats else once


def summarise_times(files: RunFiles) -> list[tuple[RunFiles, pd.DataFrame]]:
    """The files and the rows of one run, and of each of its repeats that has any; a run without rows has none."""
    once = _summarise_once(files)
    repeats = [] if once.empty else [(again, _summarise_once(again)) for again in repeats_of(files)]
    return [(files, once), *((again, rows) for again, rows in repeats if not rows.empty)]


def repeats_of(files: RunFiles) -> list[RunFiles]:
    """Those of a run: they asked for the same; how many targets fitted may differ from one time to the next."""
    run = find_run(files)
    if run is None or not run.shared_digest:
        return []
    others = ((again, find_run(again)) for again in find_repeats(files.directory))
    return [again for again, other in others if other is not None and other.shared_digest == run.shared_digest]


def _summarise_once(files: RunFiles) -> pd.DataFrame:
    """From its samples, or from Locust's history where there are none."""
    run = find_run(files) if files.samples.exists() else None
    return _from_history(files) if run is None else _from_samples(files, run)


def _from_samples(files: RunFiles, run: Run) -> pd.DataFrame:
    if not run.stages:
        return pd.DataFrame()
    objectives = objectives_of(run)
    inferred = infer_cold(files.samples, run.capacity)

    def summarise_window(window: StageWindow) -> tuple[StageSummary, dict[str, KindStage]]:
        samples = SampleFile(files.samples, *window_ns(window))
        own = OwnSamples(window, samples.count, targets_of(run.kinds))
        for first, table in samples.tables(COLUMNS):
            own.add(table if inferred is None else with_inferred(table, inferred[first : first + len(table)]))
        whole = summarise_own(window, own.reduce(), objectives)
        return whole, split_stage(window, own, whole, run.kinds, objectives) if run.kinds else {}

    # Stage by stage, so that the numbers of few are in memory; what takes time lets other threads run.
    with ThreadPoolExecutor(_STAGES_AT_ONCE) as threads:
        stages, kinds = zip(*threads.map(summarise_window, run.stages), strict=True)
    within = good_within(objectives)
    sightings = read_sightings(files.sightings)
    shares = [
        time_columns(stage, server_times(sightings, window))
        for stage, window in zip(stages, run.stages, strict=True)
    ]
    frame = _frame(files, stages, min(files.targets, run.capacity.fits) if run.capacity else files.targets)
    rows = pd.concat([frame, pd.DataFrame(shares)], axis=1).assign(
        precision=run.precision,
        changes=describe_changes(run.changes),
        goodput_within_ms=NAN if within is None else within * 1e3,
        samples_over_locust=_samples_over_locust(files),
        **_capacity_columns(run.capacity),
        cold_inferred=inferred is not None,
        complete=run.complete,
        basis="samples",
    )
    rows = with_energy(with_cost(rows, run), run, files)
    return with_models(rows, run, kinds, objectives) if run.kinds else rows


def _from_history(files: RunFiles) -> pd.DataFrame:
    try:
        stages = summarise_history(pd.read_csv(files.stats_history))
    except pd.errors.EmptyDataError:  # Locust was killed before it wrote a line
        stages = []
    except (KeyError, ValueError) as error:
        raise BadInputError(f"{files.stats_history}: not a stats history of Locust ({error})") from None
    return _frame(files, stages, files.targets).assign(precision=None, complete=None, basis="locust history")


def _frame(files: RunFiles, stages: Sequence[StageSummary], models: int) -> pd.DataFrame:
    """The columns that tools for this layout know come first."""
    run: dict[str, Cell] = {
        "model_name": files.directory.resolve().name,
        "instance_type": files.instance_type,
        "platform": files.platform,
        "max_models_loaded": models,
    }
    return pd.DataFrame(
        [
            {**run, **established_columns(stage), "targets": files.targets, **further_columns(stage)}
            for stage in stages
        ]
    )


def _capacity_columns(capacity: Capacity | None) -> dict[str, Cell]:
    """What the filling of the endpoint found."""
    if capacity is None:
        return {}
    low, high = capacity.bytes_per_copy_bounds or (NAN, NAN)
    return {
        "capacity": capacity.fits,
        "capacity_limited_by": capacity.limited_by,
        "bytes_per_copy": capacity.bytes_per_copy,
        "bytes_per_copy_low": low,
        "bytes_per_copy_high": high,
        "bytes_per_copy_before_growth": capacity.bytes_per_copy_before_growth,
        "kept_per_copy": capacity.kept_per_copy,
        "host_bytes_per_copy": capacity.host_bytes_per_copy,
    }


def _samples_over_locust(files: RunFiles) -> float:
    """Samples in the file over the requests that Locust's statistics count; 1 where the file is whole.

    Locust counts the same batches that the file is written from: what a client lost before, neither knows of.
    """
    if not files.stats.exists():
        return NAN
    try:
        stats = pd.read_csv(files.stats)
        counted = float(stats.loc[stats["Name"] == "Aggregated", "Request Count"].sum())
    except (KeyError, ValueError) as error:
        raise BadInputError(f"{files.stats}: not the statistics of Locust ({error})") from None
    return count_samples(files.samples) / counted if counted else NAN
