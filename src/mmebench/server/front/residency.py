"""What is in memory of all instances together."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mmebench.endpoints.endpoint import InstanceUse, Residency
from mmebench.server.front.served import Served


def find_residency(served: Served) -> Residency:
    """Sums over instances, which are told apart where there are several.

    A target of which several have a copy is in ``resident`` once, and where the instance says that used it last.
    What is counted is also of instances that do not serve any more.
    """
    instances = served.instances
    each = [replace(instance.ledger.snapshot(), by_growth=instance.container.by_growth) for instance in instances]
    ledgers = [instance.ledger for instance in (*instances, *served.leaving)]
    loads = served.past.loads + sum(ledger.loads for ledger in ledgers)
    evictions = served.past.evictions + sum(ledger.evictions for ledger in ledgers)
    if len(each) == 1:
        return replace(each[0], loads=loads, evictions=evictions)
    budgets = [one.memory_budget for one in each]
    host_budgets = [one.host_memory_budget for one in each]
    return Residency(
        resident=_by_use([one.resident for one in each]),
        loads=loads,
        evictions=evictions,
        memory_used=sum(one.memory_used for one in each),
        memory_budget=_sum(budgets),
        host_memory_used=sum(one.host_memory_used for one in each),
        host_memory_budget=_sum(host_budgets),
        memory_kept=sum(one.memory_kept for one in each),
        by_growth=any(one.by_growth for one in each),
        gpus=tuple(gpu for one in each for gpu in one.gpus),
        instances=tuple(
            InstanceUse(
                targets=len(one.resident),
                loads=one.loads,
                evictions=one.evictions,
                memory_used=one.memory_used,
                memory_budget=one.memory_budget,
                invocations=instance.invocations,
                in_flight=instance.in_flight,
            )
            for one, instance in zip(each, instances, strict=True)
        ),
    )


def _by_use(resident: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """From the least to the most recently used, as far as their places among others of their instance tell."""
    places: dict[str, float] = {}
    for targets in resident:
        for number, target in enumerate(targets, start=1):
            places[target] = max(places.get(target, 0.0), number / len(targets))
    return tuple(sorted(places, key=places.__getitem__))


def _sum(budgets: Sequence[int | None]) -> int | None:
    return None if None in budgets else sum(budget or 0 for budget in budgets)
