"""Doing an experiment."""

from collections.abc import Callable
from pkgutil import resolve_name

from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.spec import Experiment


def run_experiment(experiment: Experiment, subject: Subject, progress: Progress) -> None:
    """Do it; what it measured is in the experiment's files then.

    Raises:
        MmebenchError: it could not be done.
    """
    act: Callable[[Experiment, Subject, Progress], None] = resolve_name(experiment.act)
    act(experiment, subject, progress)
