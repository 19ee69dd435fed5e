"""An experiment: so many invocations of one target, one after the other, and how long they took."""

from typing import TYPE_CHECKING, ClassVar, Literal

import pandas as pd
from pydantic import Field

from mmebench.record.layout import ExperimentFiles
from mmebench.record.run import Run
from mmebench.spec.experiments import Experiment

if TYPE_CHECKING:
    from mmebench.benchmark.experiments.subject import Progress, Subject


class Echo(Experiment):
    """What one user alone waits for, without a load client in between."""

    kind: Literal["echo"]
    count: int = Field(5, ge=1, le=1000)

    title: ClassVar[str] = "Echo"
    act: ClassVar[str] = "mmebench_extras.echo:act"
    words: ClassVar[str] = "mmebench_extras.echo:words_of"


def act(experiment: Echo, subject: "Subject", progress: "Progress") -> None:
    """Invoke, and write a row each."""
    copy = subject.copies([1] * len(subject.kinds))[0][0]
    seconds = []
    for number in range(experiment.count):
        progress(f"invocation {number + 1}", number / experiment.count)
        seconds.append(subject.invoke(copy))
    pd.DataFrame({"seconds": seconds}).to_csv(subject.files.experiment(experiment.kind).table, index=False)


def words_of(files: ExperimentFiles, run: Run, footer: str) -> list[str]:
    """One line; this one draws nothing."""
    if not files.table.exists():
        return []
    seconds = pd.read_csv(files.table)["seconds"]
    return [f"{run.platform}: {len(seconds)} invocations alone, the fastest in {seconds.min():.3f} s"]
