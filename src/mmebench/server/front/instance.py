"""One of the instances behind an endpoint."""

from mmebench.server.containers.container import Container
from mmebench.server.front.upstream import Pool
from mmebench.server.memory.loader import Loader


class Instance:
    """Its container, what is in its memory, connections to the container, and the requests that are with it.

    Attributes:
        invocations: requests that it got so far.
        in_flight: those that it has not answered yet.
        waiting: those of them that wait for a load.
    """

    def __init__(self, container: Container, loader: Loader) -> None:
        self.container = container
        self.loader = loader
        self.ledger = loader.ledger
        self.pool = Pool()
        self.invocations = 0
        self.in_flight = 0
        self.waiting = 0

    @property
    def in_service(self) -> int:
        """Requests whose target is in memory."""
        return self.in_flight - self.waiting

    def has(self, target: str) -> bool:
        """Whether it is in memory, or on its way there."""
        return target in self.ledger.resident or self.loader.is_loading(target)

    def room(self) -> float:
        """Targets that could come without an eviction, as large as those that are here; infinite without any."""
        return self.ledger.room() - self.loader.uncharged
