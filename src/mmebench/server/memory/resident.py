"""A target that is in memory."""

from dataclasses import dataclass, field

from mmebench.server.containers.pools import Memory, grown, moved


@dataclass(slots=True, eq=False)
class Resident:
    """One target in memory, or on its way there."""

    target: str
    model: str
    """Its name in the container."""
    request_line: bytes
    """First line of its inference requests."""
    exempt: bool = False
    """A service model (server_metrics): neither counted nor evicted."""
    memory: Memory = field(default_factory=dict)
    """Bytes charged to it, by pool: an estimate until it is measured."""
    loaded: Memory = field(default_factory=dict)
    """What it took once it was loaded, before its first inference."""
    gpu: int | None = None
    """The GPU that it was placed on; None for one that runs on the CPU."""
    digest: str = ""
    """SHA-256 of its archive: copies of one archive take about the same memory."""
    waits: bool = False
    """Of one that is being loaded: it takes no memory until others have loaded or left."""
    ran: bool = False
    """Whether a request to it has ended since its memory was last measured."""
    settled: bool = False
    """Whether it was measured after its first request, with which it grew."""
    in_flight: int = 0
    """Requests that are on their way to it or wait for it; it is not unloaded while there are any."""
    named: bytes = b""
    """How the container's answers name it; empty where they do not."""
    renamed: bytes = b""
    """How the client's are to name it."""

    def kept(self, pool: str) -> int:
        """Bytes that it has taken since it was loaded: what its framework keeps for the next inference."""
        return max(0, self.memory.get(pool, 0) - self.loaded.get(pool, 0)) if self.loaded else 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a copy of an archive took when it was last looked at, and on which GPU that was."""

    memory: Memory
    gpu: int | None

    def on(self, gpu: int | None) -> Memory:
        """What another copy may take on that GPU."""
        return moved(self.memory, self.gpu, gpu)

    def learned(self, memory: Memory, gpu: int | None) -> "Estimate":
        """What a copy that was looked at later teaches.

        On a GPU a copy grows with its first inference and with each larger batch, so the largest counts. Of the
        host's memory copies share what the first of them took alone, so there it is the last.
        """
        return Estimate(grown(memory, self.on(gpu)), gpu)
