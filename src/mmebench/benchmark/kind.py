"""A kind of model that is packaged: what its targets are copies of, and what they are asked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mmebench.benchmark.growth import Growth
from mmebench.errors import BadInputError, MmebenchError
from mmebench.load.asked_kind import AskedKind
from mmebench.load.payload.payload import Body
from mmebench.models.fingerprint import fingerprint
from mmebench.models.package import Package
from mmebench.spec import Kind
from mmebench.spec.fleet import proportionally


def packages_of(results: Path, kind: Kind) -> Path:
    """The folder of its packages: what differs in an option has another one, what is the same is made once."""
    return results / ".packages" / fingerprint(kind.model, kind.platform, kind.payload.sequence_length)[:12]


@contextmanager
def naming(kind: Kind) -> Iterator[None]:
    """Has whatever is wrong with a model of a fleet say of which."""
    try:
        yield
    except BadInputError as error:
        raise error if kind.name is None else BadInputError(f"models.{kind.name}: {error}") from None
    except MmebenchError as error:
        if kind.name is not None:
            error.add_note(f"that was models.{kind.name}")
        raise


def target_name(model: str, number: int) -> str:
    """``resnet50-v7.tar.gz``, the name of copy 7."""
    return f"{model}-v{number}.tar.gz"


def named(kind: Kind, model: str, number: int) -> str:
    """The name of a copy. Of a model of a fleet that has only one target, it is the model's own.

    Args:
        kind: which.
        model: what a benchmark's only model is called.
        number: of the copy.
    """
    if kind.name is not None and kind.targets.fixed == 1 and number == 0:
        return f"{kind.name}.tar.gz"
    return target_name(kind.name or model, number)


@dataclass(frozen=True)
class PackagedKind:
    """A kind of model, of which there may be any number of copies."""

    asked: Kind
    package: Package
    """What is served."""
    body: Body
    """One request of the load."""
    growth: Growth

    @property
    def name(self) -> str:
        """What its targets are called after."""
        return self.asked.name or self.package.model

    def target(self, number: int) -> str:
        """The name of a copy."""
        return named(self.asked, self.package.model, number)

    def targets(self, count: int) -> tuple[str, ...]:
        """The names of the first so many copies."""
        return tuple(map(self.target, range(count)))

    def under_load(self, targets: tuple[str, ...]) -> AskedKind:
        """As a load asks for these of its copies."""
        return AskedKind(
            name=self.name,
            targets=targets,
            inputs=self.package.inputs,
            max_batch_size=self.package.max_batch_size,
            payload=self.asked.payload,
            popularity=self.asked.popularity,
            requests=self.asked.requests,
        )


class Copy(NamedTuple):
    """One target, and what it is a copy of."""

    kind: PackagedKind
    target: str


def in_proportion(kinds: Sequence[PackagedKind]) -> Iterator[Copy]:
    """Copies as they are to be hosted together: as many of each kind as is asked for, at any time in proportion.

    Where one kind has a number of targets and another a share of what fits, the numbers come first.
    """
    by_name = {kind.name: kind for kind in kinds}
    fixed = {kind.name: kind.asked.targets.fixed for kind in kinds}
    numbered = {name: count for name, count in fixed.items() if count is not None}
    shared = {kind.name: kind.asked.targets.share for kind in kinds if fixed[kind.name] is None}
    given = dict.fromkeys(by_name, 0)
    for shares in (numbered, shared):
        for name in proportionally(shares, fixed):
            kind = by_name[name]
            yield Copy(kind, kind.target(given[name]))
            given[name] += 1
