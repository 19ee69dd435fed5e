"""Working set: the same load on fewer and on more targets than fit, for popularities from flat to steep."""

from collections.abc import Iterator

from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.benchmark.experiments.working_set.fields import WorkingSet
from mmebench.load.processes.events import Live
from mmebench.spec import ClosedLoop, Poisson, Zipf


def act(experiment: WorkingSet, subject: Subject, progress: Progress) -> None:
    """Offer each load in turn; ``loads/zipf0.8/`` has those of one popularity, in the layout of a model's runs.

    Each begins with the most popular targets in memory, as it would have them after a long time.
    """
    stage = experiment.stage
    closed = stage.rate is None
    cells = list(_cells(experiment, subject.fits))
    for number, (s, count) in enumerate(cells):
        targets = subject.targets(count)
        what = f"{count} targets, {count / subject.fits:.3g} times what fits, zipf {s:g}"

        def tell(live: Live, number: int = number, what: str = what) -> None:
            progress(what, (number + min(1, live.elapsed / stage.duration)) / len(cells))

        progress(what, number / len(cells))
        subject.touch(targets[: subject.fits][::-1])
        subject.offer(
            subject.files.experiment(experiment.kind).loads / f"zipf{s:g}",
            targets,
            popularity=Zipf(kind="zipf", s=s),
            arrivals=ClosedLoop() if closed else Poisson(kind="poisson"),
            stages=(stage,),
            on_live=tell,
        )


def _cells(experiment: WorkingSet, fits: int) -> Iterator[tuple[float, int]]:
    """Popularity and number of targets; ratios that come to the same number are one."""
    for s in dict.fromkeys(experiment.zipf):
        for count in dict.fromkeys(max(1, round(ratio * fits)) for ratio in experiment.ratios):
            yield s, count
