"""Other mixes: the endpoint is filled once more, with the models in other proportions."""

from collections.abc import Mapping, Sequence

from mmebench.benchmark.experiments.mixes.fields import Mixes
from mmebench.benchmark.experiments.mixes.figures import Filled, write_filled
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.benchmark.kind import Copy
from mmebench.endpoints.endpoint import Residency
from mmebench.spec.fleet import proportionally

_MOST = 10
"""So many times what a prediction says are tried before it is given up."""


def act(experiment: Mixes, subject: Subject, progress: Progress) -> None:
    """Fill with each mix until one of its own is evicted; write how many of each kind were there before that.

    What was in memory is older than all of it and goes first, so that in the end there is nothing else.

    Raises:
        InvocationError: a target cannot be loaded.
    """
    filled: list[Filled] = []
    mixes = list(experiment.mixes) or [turned_round(subject)]
    for number, shares in enumerate(mixes, 1):
        progress(in_words(shares), (number - 1) / len(mixes))
        counts = _fill(subject, number, shares)
        filled += [
            Filled(number, name, share, None if counts is None else counts[name]) for name, share in shares.items()
        ]
    write_filled(filled, subject.files.experiment(experiment.kind).table)


def turned_round(subject: Subject) -> dict[str, float]:
    """As many of the most frequent kind as fitted of the least frequent one, and so on."""
    names = [kind.name for kind in subject.kinds]
    ranked = sorted(zip(subject.fits, names, strict=True))
    fits = sorted(subject.fits, reverse=True)
    found = {name: float(many) for (_, name), many in zip(ranked, fits, strict=True)}
    return {name: found[name] for name in names}


def in_words(shares: Mapping[str, float]) -> str:
    """``photos 1 : reviews 3``."""
    return " : ".join(f"{name} {share:g}" for name, share in shares.items())


def _fill(subject: Subject, number: int, shares: Mapping[str, float]) -> dict[str, int] | None:
    """How many of each kind were in memory together; None where the endpoint does not say what is."""
    kinds = {kind.name: kind for kind in subject.kinds}
    counts = dict.fromkeys(shares, 0)
    loaded: list[str] = []
    for name in proportionally(shares, dict.fromkeys(shares)):
        kind = kinds[name]
        copy = Copy(kind, f"{name}-mix{number}-{counts[name]}.tar.gz")
        subject.endpoint.add_targets(kind.package.archive, [copy.target])
        subject.invoke(copy)
        subject.grow(copy)
        residency = subject.endpoint.measure()
        if not isinstance(residency, Residency):
            return None
        if _is_one_missing(loaded, residency) or len(loaded) > _MOST * sum(subject.fits):
            break
        loaded.append(copy.target)
        counts[name] += 1
    return counts


def _is_one_missing(loaded: Sequence[str], residency: Residency) -> bool:
    return not set(loaded) <= set(residency.resident)
