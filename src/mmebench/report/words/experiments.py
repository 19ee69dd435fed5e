"""The report of experiments: a table and a picture each, and what they show in a sentence."""

from collections.abc import Callable
from pkgutil import resolve_name

from mmebench.record.layout import ExperimentFiles, RunFiles
from mmebench.record.run import Run, find_run
from mmebench.spec import EXPERIMENTS


def write_experiments(files: RunFiles, footer: str) -> list[str]:
    """Write table and picture of each experiment that belongs to the run; returns what they show, a line each."""
    run = find_run(files)
    lines: list[str] = []
    for kind, experiment in EXPERIMENTS.by_name.items() if run is not None else ():
        write: Callable[[ExperimentFiles, Run | None, str], list[str]] = resolve_name(experiment.words)
        lines += write(files.experiment(kind), run, footer)
    return lines
