"""The run of one trial, and what came of it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mmebench.benchmark.endpoint_runs import EndedEarlyError, OnStage
from mmebench.benchmark.story import Measured
from mmebench.benchmark.tuning.earlier_trials import find_files, read_trial
from mmebench.benchmark.tuning.early_end import EarlyEnd
from mmebench.errors import BadInputError, MmebenchError
from mmebench.figures.trial import Trial
from mmebench.record.layout import RunFiles
from mmebench.spec import Spec
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
    run: Callable[[Spec, OnStage], Measured],
) -> Attempt:
    """Measure the spec with these values.

    Args:
        whole: the spec, with its space.
        tuning: that space.
        changes: values by place.
        tried: the trials before it.
        run: :func:`mmebench.benchmark.story.measure_benchmark` of a spec.
    """
    problems: tuple[MmebenchError, ...] = ()
    staying: tuple[str, ...] = ()
    files: RunFiles | None = None
    try:
        asked = _spec_of(whole, changes)
        early_end = EarlyEnd(asked, tuning, tried)
        try:
            measured = run(asked, early_end.after_stage)
        except EndedEarlyError as ended:
            files = early_end.note(str(ended))
        else:
            problems, staying = measured.problems, measured.staying
            files = find_files(measured.directory, tuning.name(changes))
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
