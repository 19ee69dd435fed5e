"""Experiments: what only a multi-model endpoint can show, on an endpoint that is filled."""

from mmebench.benchmark.experiments.cold_starts import show_cold_starts
from mmebench.benchmark.experiments.interference import show_interference
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.benchmark.experiments.working_set import show_working_set
from mmebench.spec import ColdStarts, Experiment, Interference, WorkingSet

__all__ = ["Progress", "Subject", "run_experiment"]


def run_experiment(experiment: Experiment, subject: Subject, progress: Progress) -> None:
    """Run it; what it measured is in the experiment's files then.

    Raises:
        MmebenchError: it could not be done.
    """
    match experiment:
        case ColdStarts():
            show_cold_starts(experiment, subject, progress)
        case WorkingSet():
            show_working_set(experiment, subject, progress)
        case Interference():
            show_interference(experiment, subject, progress)
