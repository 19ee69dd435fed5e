"""What is tried next, what is hopeless and what mattered: Optuna's answers, each from all trials so far.

Nothing is kept between two questions. Trials are runs in a results directory, which is where they are read from,
so that a tuning goes on from whatever is there.
"""

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mmebench.figures.trial import GOALS, Trial, TrialFigures
from mmebench.spec.tuning import Range, Tuning
from mmebench.spec.variants import plain

if TYPE_CHECKING:  # it takes half a second
    import optuna
    from optuna.distributions import BaseDistribution

_AT_RANDOM = 5
"""So many are tried before any of them says where to look."""
_ASKED_AGAIN = 50
"""Suggestions that may be of what was tried already, before any other is taken."""
_MOST_LISTED = 10_000
"""Combinations that are looked through one by one."""
_LEAST_TO_RANK = 6
"""Trials that say which field matters."""
_BEFORE_ENDING = 4
"""Trials to their end, before others are ended by comparison."""


def choose(tuning: Tuning, base: Mapping[str, Any] | None, tried: Sequence[Trial]) -> dict[str, Any] | None:
    """The values that are tried next; None where all have been.

    First the spec as it is, which says what the others are better than. A space with no more combinations than may
    be tried is tried whole, in an order of chance; of any other, Optuna's TPE says what (Bergstra et al.,
    "Algorithms for Hyper-Parameter Optimization", NIPS 2011).

    Args:
        tuning: what may be changed, and what is to be best.
        base: the spec as it is, in values of the space; None where that does not have it.
        tried: so far.
    """
    known = [dict(trial.changes) for trial in tried]
    if base is not None and base not in known:
        return dict(base)
    if not tuning.all_are_tried:
        study = _study(tuning, tried)
        space = {place: _Axis(dimension) for place, dimension in tuning.space.items()}
        distributions = {place: axis.distribution for place, axis in space.items()}
        for _ in range(_ASKED_AGAIN):
            asked = study.ask(distributions)
            values = {place: axis.value(asked.params[place]) for place, axis in space.items()}
            if values not in known:
                return values
    return next((values for values in _shuffled(tuning) if values not in known), None)


def is_hopeless(tuning: Tuning, tried: Sequence[Trial], so_far: Sequence[TrialFigures]) -> bool:
    """Whether a trial is not worth its further stages, by Optuna's median rule.

    It is compared with what trials within the objectives had come to after as many stages. The first stage is too
    early to tell, and what may be chance, by the interval of its figure, is not held against it.

    Args:
        tuning, tried: see :func:`choose`.
        so_far: its figures after each stage that is over.
    """
    from optuna.pruners import MedianPruner

    if not all(figures.held for figures in so_far):
        return False
    counting = [trial for trial in tried if trial.counts]
    asked = _study(tuning, counting, MedianPruner(n_startup_trials=_BEFORE_ENDING, n_warmup_steps=1)).ask()
    goal = GOALS[tuning.goal]
    for number, figures in enumerate(so_far):
        value = goal.of(figures)
        best = value.high if goal.largest else value.low
        asked.report(value.value if math.isnan(best) else best, number)
    return asked.should_prune()


def weigh(tuning: Tuning, tried: Sequence[Trial]) -> dict[str, float]:
    """How much of the differences between trials each place accounts for, the most first; they add up to 1.

    By functional analysis of variance (Hutter, Hoos and Leyton-Brown, ICML 2014), as Optuna has it, of what all
    had come to when the first of them ended. Empty where trials are too few, or all alike.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    known = [trial for trial in tried if trial.by_stage]
    common = min((len(trial.by_stage) for trial in known), default=0)
    alike = [replace(trial, state="measured", by_stage=trial.by_stage[:common]) for trial in known]
    study = _study(tuning, alike)
    if len(study.trials) < _LEAST_TO_RANK or len({trial.value for trial in study.trials}) < 2:
        return {}
    return dict(get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=tuning.seed)))


class _Axis:
    """One dimension of the space in numbers, as Optuna takes them: of choices their places in the list."""

    def __init__(self, dimension: Range | tuple[Any, ...]) -> None:
        self._dimension = dimension

    @property
    def distribution(self) -> "BaseDistribution":
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        match self._dimension:
            case Range(first=first, last=last, whole=True, log=log) as each:
                return IntDistribution(int(first), int(last), log=log, step=int(each.step or 1))
            case Range(first=first, last=last, step=step, log=log):
                return FloatDistribution(first, last, log=log, step=step)
            case choices:
                if _is_upwards(choices):
                    return IntDistribution(0, len(choices) - 1)
                return CategoricalDistribution(tuple(range(len(choices))))

    def value(self, number: float) -> Any:
        """What is written in a spec."""
        if isinstance(self._dimension, Range):
            return self._dimension.rounded(number)
        return self._dimension[int(number)]

    def number(self, value: Any) -> float | None:
        """The other way round; None of a value that is not in the space."""
        if not isinstance(self._dimension, Range):
            names = [plain(choice) for choice in self._dimension]
            return names.index(plain(value)) if plain(value) in names else None
        return float(value) if value in self._dimension else None


def _is_upwards(choices: Sequence[Any]) -> bool:
    numbers = [each for each in choices if isinstance(each, int | float) and not isinstance(each, bool)]
    return len(numbers) == len(choices) and numbers == sorted(numbers)


def _shuffled(tuning: Tuning) -> list[dict[str, Any]]:
    """Every combination, in an order of chance: who stops early has seen some of everything."""
    if tuning.combinations is None or tuning.combinations > _MOST_LISTED:
        return []
    found = list(tuning.every())
    random.Random(tuning.seed).shuffle(found)
    return found


def _study(
    tuning: Tuning, tried: Sequence[Trial], pruner: "optuna.pruners.BasePruner | None" = None
) -> "optuna.Study":
    """What Optuna calls all trials together."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=tuning.seed + len(tried), n_startup_trials=_AT_RANDOM)
    study = optuna.create_study(
        direction="maximize" if GOALS[tuning.goal].largest else "minimize", sampler=sampler, pruner=pruner
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.add_trials([frozen for trial in tried if (frozen := _frozen(tuning, trial)) is not None])
    return study


def _frozen(tuning: Tuning, trial: Trial) -> "optuna.trial.FrozenTrial | None":
    """The trial as Optuna has it; None of one that failed, or is not of this space."""
    from optuna.trial import TrialState, create_trial

    space = {place: _Axis(dimension) for place, dimension in tuning.space.items()}
    numbers = {place: axis.number(trial.changes.get(place)) for place, axis in space.items()}
    value = trial.value(tuning.goal).value
    if trial.figures is None or math.isnan(value) or any(number is None for number in numbers.values()):
        return None
    measured = trial.state == "measured"
    held = {
        number: GOALS[tuning.goal].of(figures).value
        for number, figures in enumerate(trial.by_stage)
        if figures.held
    }
    return create_trial(
        state=TrialState.COMPLETE if measured else TrialState.PRUNED,
        value=value if measured else None,
        params=numbers,
        distributions={place: axis.distribution for place, axis in space.items()},
        intermediate_values={number: known for number, known in held.items() if not math.isnan(known)},
        constraints={"objectives": trial.figures.beyond},
    )
