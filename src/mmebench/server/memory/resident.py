"""A target that is in memory."""

from dataclasses import dataclass


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
    memory: int = 0
    """Bytes charged to it: an estimate until it is measured."""
    digest: str = ""
    """SHA-256 of its archive: copies of one archive take about the same memory."""
    in_flight: int = 0
    """Requests that are on their way to it or wait for it; it is not unloaded while there are any."""
    named: bytes = b""
    """How the container's answers name it; empty where they do not."""
    renamed: bytes = b""
    """How the client's are to name it."""
