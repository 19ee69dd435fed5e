"""Which targets are in memory, in order of use, and which must go: bookkeeping without I/O and without a clock."""

import math
from collections import OrderedDict

from mmebench.endpoints.endpoint import Residency
from mmebench.server.memory.policy import eviction_order
from mmebench.server.memory.resident import Resident


class Ledger:
    """Who holds how much of the budget. A target is resident, or being loaded, or being unloaded.

    Attributes:
        resident: least recently used first.
    """

    def __init__(self, budget: int | None) -> None:
        """``budget`` is in bytes; None where only the container can say that it is full."""
        self.budget = budget
        self.limit = math.inf if budget is None else budget
        self.resident: OrderedDict[str, Resident] = OrderedDict()
        self.loading: dict[str, Resident] = {}
        self.unloading: dict[str, Resident] = {}
        self.loads = 0
        self.evictions = 0

    @property
    def used(self) -> int:
        """Bytes that are not free: what is being loaded counts already, what is being unloaded counts still."""
        return _memory(self.resident) + _memory(self.loading) + _memory(self.unloading)

    def may_load(self, memory: int) -> bool:
        """Whether the budget could hold so many more bytes if every resident target went."""
        return _memory(self.loading) + memory <= self.limit

    def victims(self) -> list[Resident]:
        """The targets that must go now for the budget to hold, given that what is being unloaded will be free.

        In the order of :func:`~mmebench.server.memory.policy.eviction_order`.
        """
        excess = self.used - _memory(self.unloading) - self.limit
        chosen: list[Resident] = []
        for entry in eviction_order(self.resident.values()):
            if excess <= 0:
                break
            chosen.append(entry)
            excess -= entry.memory
        return chosen

    def sacrifice(self, spared: str) -> Resident | None:
        """The target to evict when the container says that it is full, whatever the budget says."""
        return next((entry for entry in eviction_order(self.resident.values()) if entry.target != spared), None)

    def use(self, entry: Resident) -> None:
        """Pin a resident target for one request; it is the most recently used now."""
        self.resident.move_to_end(entry.target)
        entry.in_flight += 1

    def begin_load(self, entry: Resident) -> None:
        """Charge what the target is expected to take."""
        self.loading[entry.target] = entry

    def end_load(self, entry: Resident) -> None:
        """The container holds it."""
        del self.loading[entry.target]
        self.resident[entry.target] = entry
        self.loads += not entry.exempt

    def abort_load(self, entry: Resident) -> None:
        """The container does not hold it."""
        del self.loading[entry.target]

    def begin_unload(self, entry: Resident) -> None:
        """No new request reaches the target; its memory is still charged."""
        del self.resident[entry.target]
        self.unloading[entry.target] = entry

    def end_unload(self, entry: Resident) -> None:
        """Its memory is free."""
        del self.unloading[entry.target]

    def abort_unload(self, entry: Resident) -> None:
        """The container died before it could unload the target, or does not let go of it."""
        del self.unloading[entry.target]

    def forget(self, entry: Resident) -> None:
        """A target turned out not to work any more; it is loaded again when somebody asks for it."""
        if self.resident.get(entry.target) is entry:
            del self.resident[entry.target]

    def clear(self) -> None:
        """The container died, and with it everything that was resident."""
        self.resident.clear()

    def snapshot(self) -> Residency:
        """What people may know."""
        targets = tuple(entry.target for entry in self.resident.values() if not entry.exempt)
        return Residency(targets, self.loads, self.evictions, self.used, self.budget)


def _memory(entries: dict[str, Resident]) -> int:
    return sum(entry.memory for entry in entries.values() if not entry.exempt)
