"""Trials as they are on disk: runs under the name of what was changed."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from shutil import copyfile
from typing import Any, NamedTuple

import pandas as pd

from mmebench.benchmark.observer import Observer
from mmebench.benchmark.parts import Measured, Part, find_parts
from mmebench.benchmark.wanted import find_wanted
from mmebench.figures.summary import summarise_run
from mmebench.figures.trial import Trial, figures_by_stage
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.run import find_run, objectives_of
from mmebench.record.samples import copy_samples
from mmebench.spec import Spec
from mmebench.spec.tuning import Tuning


class Earlier(NamedTuple):
    """What was there before."""

    trials: tuple[Trial, ...]
    files: RunFiles | None
    """Of the run of one of them."""
    begun: tuple[dict[str, Any], ...]
    """The changes of those of which repeats are missing."""


def read_trials(spec: Spec, results: Path, observer: Observer) -> Earlier:
    """What earlier starts, or a grid, have measured of the spec's space, in the order of their times.

    What counts as the same is what ``mmebench run`` would not measure again.

    Args:
        spec: with a space.
        results: the directory for all results.
        observer: is told of packages, which are made if they are not there.

    Raises:
        BadInputError: the spec cannot be run.
    """
    tuning = _space_of(spec)
    directories = sorted(path for path in results.glob("*") if path.is_dir())
    runs = (find_run(files) for directory in directories for files in find_runs(directory))
    of_space = [run for run in runs if run is not None and tuning.has(run.changes)]
    of_space.sort(key=lambda run: run.started_at)
    asked = {run.platform: run.changes for run in of_space if _makes_a_spec(spec, run.changes)}
    if not asked:
        return Earlier((), None, ())
    wanted = find_wanted(spec.model_copy(update={"tune": None, "variants": asked}))
    parts = find_parts(wanted, results, observer, enter=lambda directory: None)
    trials, begun, one = [], [], None
    by_name = {name: list(own) for name, own in groupby(sorted(parts, key=_name), _name)}
    for name, changes in asked.items():
        files = _find_files(by_name[name])
        trial = None if files is None else read_trial(files, changes, spec)
        if trial is not None and (trial.state == "ended early" or _are_measured(by_name[name])):
            trials.append(trial)
            one = files
        elif trial is not None:
            begun.append(changes)
    return Earlier(tuple(trials), one, tuple(begun))


def read_trial(files: RunFiles, changes: dict[str, Any], spec: Spec) -> Trial | None:
    """The trial that a run is of; None where that broke, or ended early for another goal or other objectives."""
    run, rows, tuning = find_run(files), summarise_run(files), _space_of(spec)
    if run is None or rows.empty:
        return None
    ended = run.ended_early
    if not run.complete and (
        ended is None or not tuning.prune or ended.goal != tuning.goal or objectives_of(run) != spec.objectives
    ):
        return None
    return Trial(
        tuning.name(changes),
        changes,
        "measured" if run.complete else "ended early",
        figures_by_stage(rows, spec.objectives, tuning.goal),
        "" if ended is None else ended.reason,
    )


def stages_so_far(files: RunFiles) -> pd.DataFrame:
    """The rows that a run whose load goes on will have in the summary, of the stages that are over."""
    with tempfile.TemporaryDirectory(prefix="mmebench-") as folder:
        copy = replace(files, directory=Path(folder))
        copyfile(files.run, copy.run)
        copy_samples(files.stream, copy.samples)
        return summarise_run(copy)


def _space_of(spec: Spec) -> Tuning:
    assert spec.tune is not None, "without a space there are no trials"
    return spec.tune


def _makes_a_spec(spec: Spec, changes: dict[str, Any]) -> bool:
    """Whether it still does; the spec may have been changed since."""
    try:
        spec.trial(changes)
    except ValueError:
        return False
    return True


def _name(part: Part | Measured) -> str:
    return part.run.platform if isinstance(part, Measured) else part.wanted.label


def _are_measured(parts: Sequence[Part | Measured]) -> bool:
    return all(isinstance(part, Measured) for part in parts)


def _find_files(parts: Sequence[Part | Measured]) -> RunFiles | None:
    """The run of the first repeat; None where that is not there."""
    first = parts[0]
    digest = first.run.digest if isinstance(first, Measured) else first.fingerprint
    return next((files for files in find_runs(first.directory) if _digest_of(files) == digest), None)


def find_files(directory: Path, name: str) -> RunFiles | None:
    """The newest complete run that is called so; None without one."""
    found = [
        (run.started_at, files)
        for files in find_runs(directory)
        if files.platform == name and (run := find_run(files)) is not None and run.complete
    ]
    return max(found, key=lambda each: each[0])[1] if found else None


def _digest_of(files: RunFiles) -> str | None:
    run = find_run(files)
    return None if run is None else run.digest
