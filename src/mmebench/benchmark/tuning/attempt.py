"""One trial is measured: looked at after each stage, and ended where the rest would not change anything."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from mmebench.benchmark.outcome import Outcome
from mmebench.benchmark.tuning.chooser import is_hopeless
from mmebench.benchmark.tuning.trials import find_files, read_trial, stages_so_far
from mmebench.benchmark.visit import EndedEarlyError, OnStage
from mmebench.errors import BadInputError, MmebenchError
from mmebench.figures.trial import Trial, figures_by_stage
from mmebench.record.layout import RunFiles
from mmebench.record.run import EndedEarly, Run, read_run, write_run
from mmebench.spec import Objectives, Spec
from mmebench.spec.tuning import Tuning


class Attempt(NamedTuple):
    """What came of it."""

    trial: Trial
    files: RunFiles | None
    """Of its run; None where it failed before one was there."""
    problems: tuple[MmebenchError, ...]
    staying: tuple[str, ...]
    """What was left there on purpose, and how it is deleted."""


def attempt(
    whole: Spec,
    tuning: Tuning,
    changes: dict[str, Any],
    tried: Sequence[Trial],
    run: Callable[[Spec, OnStage], Outcome],
) -> Attempt:
    """Measure the spec with these values.

    Args:
        whole: the spec, with its space.
        tuning: that space.
        changes: values by place.
        tried: the trials before it.
        run: :func:`mmebench.benchmark.story.run_benchmark` of a spec.
    """
    problems: tuple[MmebenchError, ...] = ()
    staying: tuple[str, ...] = ()
    files: RunFiles | None = None
    watch = _Watch(whole.objectives, tuning, tried)
    try:
        asked = _spec_of(whole, changes)
        watch.expect(asked)
        outcome = run(asked, watch.after_stage)
        problems, staying = outcome.problems, outcome.staying
        files = find_files(outcome.directory, tuning.name(changes))
    except EndedEarlyError as ended:
        files = watch.note_end(str(ended))
    except MmebenchError as error:
        problems = (error,)
    trial = None if files is None else read_trial(files, changes, whole)
    if trial is None:
        problems = problems or (MmebenchError(f"{tuning.name(changes)}: no stage got to its end"),)
        trial = Trial(tuning.name(changes), changes, "failed", reason=str(problems[0]))
    return Attempt(trial, files, problems, staying)


def _spec_of(whole: Spec, changes: dict[str, Any]) -> Spec:
    try:
        return whole.trial(changes)
    except ValueError as error:  # each of the values makes a spec, and all of them together do not
        raise BadInputError(str(error)) from None


class _Watch:
    """Over one trial."""

    def __init__(self, objectives: Objectives, tuning: Tuning, tried: Sequence[Trial]) -> None:
        self._objectives = objectives
        self._tuning = tuning
        self._tried = tried
        self._offered: list[float] = []
        self._files: RunFiles | None = None

    def expect(self, asked: Spec) -> None:
        """The load of each of its stages, which a search does not know before."""
        ((_, varied),) = asked.varied()
        self._offered = [float(stage.rate or stage.concurrency) for stage in varied.workload.stages]

    def after_stage(self, files: RunFiles, run: Run) -> None:
        """Raises EndedEarlyError where further stages are not worth their time."""
        if run.digest != run.shared_digest:
            return  # a further repeat, of a trial that was worth it
        self._files = files
        if self._tuning.prune and len(run.stages) < len(self._offered):
            reason = self._why_end(files)
            if reason is not None:
                over = f"{len(run.stages)} of {len(self._offered)} stages"
                raise EndedEarlyError(f"ended after {over}: {reason}")

    def _why_end(self, files: RunFiles) -> str | None:
        by_stage = figures_by_stage(stages_so_far(files), self._objectives, self._tuning.goal)
        grows = all(load < later for load, later in pairwise(self._offered))
        if by_stage and by_stage[-1].missed and grows:
            return "it misses the objectives, and later stages have a larger load"
        if by_stage and is_hopeless(self._tuning, self._tried, by_stage):
            return "until there it was worse than half of the others"
        return None

    def note_end(self, reason: str) -> RunFiles:
        """Say in the record of the run that it was ended, and why."""
        assert self._files is not None, "what is ended has a stage"
        ended = EndedEarly(reason=reason, goal=self._tuning.goal)
        run = read_run(self._files.run)
        write_run(run.model_copy(update={"ended_early": ended}), self._files.run)
        return self._files
