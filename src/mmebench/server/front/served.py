"""What a local endpoint serves with: everything that one invocation may need of it."""

from mmebench.server.containers.container import Container
from mmebench.server.front.suspects import Suspects
from mmebench.server.front.upstream import Pool
from mmebench.server.memory.loader import Loader


class Served:
    """One endpoint: its name, its container, what is in memory, what is counted, connections to the container."""

    def __init__(self, name: str, container: Container, loader: Loader) -> None:
        self.name = name
        self.container = container
        self.loader = loader
        self.ledger = loader.ledger
        self.metrics = loader.metrics
        self.pool = Pool()
        self.suspects = Suspects()
