"""How endpoints of one kind come to be."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Generic, TypeVar

from mmebench.spec.endpoints.endpoint import ServedEndpoint
from mmebench.spec.platforms import PlatformSpec

if TYPE_CHECKING:
    from mmebench.endpoints.endpoint import Endpoint
    from mmebench.endpoints.engine_builder import Builder, EngineBuilder
    from mmebench.record.run import Price

Progress = Callable[[str], None]
SpecT = TypeVar("SpecT", bound=ServedEndpoint)


class Opener(ABC, Generic[SpecT]):
    """What a benchmark asks of a kind of endpoint before there is one. It has no state."""

    @abstractmethod
    def open(self, spec: SpecT, store: Path, log: Path, progress: Progress) -> "Endpoint":
        """The endpoint that ``spec`` asks for, up and answering; close it to take it down.

        Args:
            spec: of one instance type.
            store: an empty folder for the archives of an endpoint on this machine.
            log: the file that its log is appended to.
            progress: told what is done now.

        Raises:
            BadInputError: the spec cannot be served. MmebenchError: it did not come up; nothing is left of it.
        """

    def complete(self, spec: SpecT) -> SpecT:
        """The spec with what it leaves to its surroundings; asked once, before anything else.

        Raises:
            BadInputError: they do not say.
        """
        return spec

    def check(self, spec: SpecT, runs: int, builds: int) -> "dict[str, Price]":
        """Refuse what would be refused later, or costs too much, before any work is done; changes nothing.

        Args:
            spec: of any number of instance types.
            runs: endpoints that there will be of each.
            builds: engines and packages that will be built on each.

        Returns:
            The price of each instance type that somebody bills.

        Raises:
            BadInputError: any of that.
        """
        return {}

    def prepare(self, spec: SpecT) -> None:
        """Make what all endpoints of a benchmark share, if it is not there; after :meth:`check`.

        Raises:
            BadInputError: it cannot be had.
        """

    def ignored(self, spec: SpecT, platform: PlatformSpec) -> tuple[str, ...]:
        """What the platform's ``config`` asks for and nobody there looks at, by its name in config.pbtxt."""
        return ()

    def engine_builder(self, spec: SpecT) -> "EngineBuilder | None":
        """What builds TensorRT engines for it; None where that is this machine's own ``trtexec``."""
        return None

    def compiler(self, spec: SpecT) -> "Builder | None":
        """What compiles exported programs for its GPU; None where nothing there does."""
        return None


def open_endpoint(
    spec: ServedEndpoint, store: Path, log: Path, progress: Progress = lambda message: None
) -> "Endpoint":
    """The endpoint that ``spec`` asks for; see :meth:`Opener.open`."""
    return opener_of(spec).open(spec, store, log, progress)


def opener_of(spec: ServedEndpoint) -> Opener[ServedEndpoint]:
    """The opener of its kind."""
    kind: type[Opener[ServedEndpoint]] = resolve_name(spec.opener)
    return kind()
