"""Working set: the same load on fewer and on more targets than fit, for popularities from flat to steep."""

from collections.abc import Iterator, Sequence

from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.benchmark.experiments.working_set.fields import WorkingSet
from mmebench.load.processes.events import Live


def act(experiment: WorkingSet, subject: Subject, progress: Progress) -> None:
    """Offer each load in turn; ``loads/zipf0.8/`` has those of one popularity, in the layout of a model's runs.

    Each begins with the most popular targets in memory, as it would have them after a long time. Of a fleet, every
    kind grows alike.
    """
    stage = experiment.stage
    fits = sum(subject.fits)
    cells = list(_cells(experiment, subject.fits))
    for number, (s, counts) in enumerate(cells):
        copies = subject.copies(counts)
        what = f"{sum(counts)} targets, {sum(counts) / fits:.3g} times what fits, zipf {s:g}"

        def tell(live: Live, number: int = number, what: str = what) -> None:
            progress(what, (number + min(1, live.elapsed / stage.duration)) / len(cells))

        progress(what, number / len(cells))
        folder = subject.files.experiment(experiment.kind).loads / f"zipf{s:g}"
        subject.offer_by_zipf(folder, copies, s, (stage,), tell)


def _cells(experiment: WorkingSet, fits: Sequence[int]) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Popularity and number of targets of each kind; ratios that come to the same numbers are one."""
    for s in dict.fromkeys(experiment.zipf):
        for counts in dict.fromkeys(
            tuple(max(1, round(ratio * each)) for each in fits) for ratio in experiment.ratios
        ):
            yield s, counts
