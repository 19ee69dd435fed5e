"""Which targets are in memory, in order of use, and which must go: bookkeeping without I/O and without a clock."""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence

from mmebench.endpoints.endpoint import GpuUse, Residency
from mmebench.gpus.gpu import Gpu
from mmebench.server.containers.pools import HOST, Memory, gpu_pool
from mmebench.server.memory.policy import eviction_order
from mmebench.server.memory.resident import Resident
from mmebench.units import human_bytes


class Ledger:
    """Who holds how much of each memory's budget. A target is resident, or being loaded, or being unloaded.

    Attributes:
        budgets: bytes by pool; a pool is left out where only the container can say that it is full.
        resident: least recently used first.
        promised: by target, what those will take that have been placed and are not charged yet.
    """

    def __init__(self, budgets: Mapping[str, int], gpus: Sequence[Gpu] = (), *, evicts: bool = True) -> None:
        """Without ``evicts`` nothing goes for another, and what has no room beside the others is refused."""
        self._evicts = evicts
        self.budgets = dict(budgets)
        self._asked = dict(budgets)
        self.gpus = gpus
        self.resident: OrderedDict[str, Resident] = OrderedDict()
        self.loading: dict[str, Resident] = {}
        self.unloading: dict[str, Resident] = {}
        self.promised: dict[str, Memory] = {}
        self.loads = 0
        self.evictions = 0

    @property
    def used(self) -> Counter[str]:
        """Bytes that are not free, by pool: what is being loaded counts already, what is being unloaded still."""
        return _memory(self.resident) + _memory(self.loading) + _memory(self.unloading)

    def limit(self, pool: str, room: int) -> None:
        """Targets can have no more than so many bytes of ``pool``, as others take the rest of it for now."""
        if pool in self._asked:
            self.budgets[pool] = min(self._asked[pool], room)

    def over(self) -> bool:
        """Whether more is used than a budget allows."""
        used = self.used
        return any(used[pool] > budget for pool, budget in self.budgets.items())

    def room(self) -> float:
        """Targets that could come without an eviction, as large as those that are here; infinite without any."""
        count = len(self.resident) + len(self.loading)
        held = _memory(self.resident) + _memory(self.loading)
        used = self.used
        return min(
            (
                (self.budgets[pool] - used[pool]) * count / size
                for pool, size in held.items()
                if pool in self.budgets
            ),
            default=math.inf,
        )

    def exceeded(self, memory: Memory) -> str | None:
        """The pool whose whole budget is less than so much; None where all can hold it."""
        return next((pool for pool, size in memory.items() if size > self.budgets.get(pool, math.inf)), None)

    def shortage(self, entry: Resident, memory: Memory) -> str | None:
        """Why ``entry`` cannot have so much, whoever goes, in words; None where it can."""
        pool = None if entry.exempt else self._exceeded_beside_others(entry, memory)
        if pool is None:
            return None
        of = f" of {pool}" if self.gpus else ""
        needs, budget = human_bytes(memory[pool]), human_bytes(self.budgets[pool])
        said = f"out of memory: {entry.target} needs {needs}{of}, and "
        if not self._evicts and memory[pool] <= self.budgets[pool]:
            return f"{said}others that stay leave less than that of {budget}"
        if self.budgets[pool] < self._asked[pool]:
            return f"{said}others leave {budget} of it; end what else runs there"
        option = "host_memory" if self.gpus and pool == HOST else "memory"
        return f"{said}all targets together may use {budget}; give the endpoint more {option}"

    def _exceeded_beside_others(self, entry: Resident, memory: Memory) -> str | None:
        if self._evicts:
            return self.exceeded(memory)
        held = self.used
        held.subtract(self.loading[entry.target].memory if entry.target in self.loading else {})
        held.update(memory)
        return self.exceeded({pool: held[pool] for pool in memory})

    def may_load(self, memory: Memory) -> bool:
        """Whether the budgets could hold so many more bytes if every resident target went."""
        return self.exceeded(_memory(self.loading) + Counter(memory)) is None

    def place(self, takes: Callable[[int], Memory]) -> int | None:
        """The GPU that has most room for one more target; None without GPUs.

        Args:
            takes: what the target is expected to take on the GPU of a number. One that could not hold that if it
                had nothing else is left out, unless none could.
        """
        used = self.used
        for memory in self.promised.values():
            used.update(memory)

        def room(number: int) -> float:
            pool = gpu_pool(number)
            return self.budgets.get(pool, self.gpus[number].total) - used[pool]

        gpus = range(len(self.gpus))
        large_enough = [number for number in gpus if self.exceeded(takes(number)) is None]
        return max(large_enough or gpus, key=room, default=None)

    def victims(self) -> list[Resident]:
        """The targets that must go now for the budgets to hold, given that what is being unloaded will be free.

        In the order of :func:`~mmebench.server.memory.policy.eviction_order`; one that takes nothing of a memory
        that is too full may stay.
        """
        if not self._evicts:
            return []
        used = self.used
        used.subtract(_memory(self.unloading))
        excess = {pool: used[pool] - budget for pool, budget in self.budgets.items() if used[pool] > budget}
        chosen: list[Resident] = []
        for entry in eviction_order(self.resident.values()):
            if all(size <= 0 for size in excess.values()):
                break
            if any(size > 0 and entry.memory.get(pool) for pool, size in excess.items()):
                chosen.append(entry)
                for pool in excess:
                    excess[pool] -= entry.memory.get(pool, 0)
        return chosen

    def busy(self, but: Resident) -> bool:
        """Whether another target than this one is on its way into memory."""
        return any(entry is not but and not entry.waits for entry in self.loading.values())

    def sacrifice(self, spared: Resident) -> Resident | None:
        """The target to evict when the container has no room for ``spared``, whatever the budgets say.

        One on the same GPU if there is any. None where nothing goes for another.
        """
        if not self._evicts:
            return None
        others = [entry for entry in eviction_order(self.resident.values()) if entry.target != spared.target]
        if spared.gpu is not None:
            beside = [entry for entry in others if entry.memory.get(gpu_pool(spared.gpu))]
            others = beside or others
        return others[0] if others else None

    def use(self, entry: Resident) -> None:
        """Pin a resident target for one request; it is the most recently used now."""
        self.resident.move_to_end(entry.target)
        entry.in_flight += 1

    def begin_load(self, entry: Resident) -> None:
        """Charge what the target is expected to take."""
        self.promised.pop(entry.target, None)
        self.loading[entry.target] = entry

    def end_load(self, entry: Resident) -> None:
        """The container holds it."""
        del self.loading[entry.target]
        self.resident[entry.target] = entry
        self.loads += not entry.exempt

    def abort_load(self, entry: Resident) -> None:
        """The container does not hold it, and may not have been asked to."""
        self.loading.pop(entry.target, None)

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
        shown = [entry for entry in self.resident.values() if not entry.exempt]
        used = self.used
        gpus = tuple(
            GpuUse(
                gpu=gpu.index,
                name=gpu.name,
                total=gpu.total,
                used=used[gpu_pool(number)],
                budget=self.budgets.get(gpu_pool(number)),
                targets=sum(bool(entry.memory.get(gpu_pool(number))) for entry in shown),
            )
            for number, gpu in enumerate(self.gpus)
        )
        host = self.budgets.get(HOST)
        budgets = [gpu.budget for gpu in gpus] if gpus else [host]
        return Residency(
            resident=tuple(entry.target for entry in shown),
            loads=self.loads,
            evictions=self.evictions,
            memory_used=sum(gpu.used for gpu in gpus) if gpus else used[HOST],
            memory_budget=None if None in budgets else sum(budget or 0 for budget in budgets),
            memory_kept=sum(entry.kept(gpu_pool(number)) for entry in shown for number in range(len(self.gpus))),
            host_memory_used=used[HOST],
            host_memory_budget=host,
            gpus=gpus,
        )


def _memory(entries: Mapping[str, Resident]) -> Counter[str]:
    total: Counter[str] = Counter()
    for entry in entries.values():
        if not entry.exempt:
            total.update(entry.memory)
    return total
