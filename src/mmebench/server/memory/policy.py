"""The policy: which target is evicted before which."""

from collections.abc import Iterable

from mmebench.server.memory.resident import Resident


def eviction_order(by_use: Iterable[Resident]) -> list[Resident]:
    """The targets that may be evicted, the first to go first: least recently used.

    A target with requests in flight goes only after all idle ones, so that it is named only when these do not
    suffice: steady requests to all targets cannot keep a new one out for ever.

    Args:
        by_use: what is in memory, least recently used first.
    """
    return sorted((entry for entry in by_use if not entry.exempt), key=lambda entry: entry.in_flight > 0)
