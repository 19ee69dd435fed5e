"""What if others are evicted than those that were used least recently?"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mmebench.plan.option import Question
from mmebench.plan.simulation.simulated import how_many
from mmebench.record.plan import Scenario

POLICIES = {
    "LRU": "used least recently, as SageMaker and the local endpoint do it",
    "LFU": "used least often",
    "GDSF": "used least often, for its size",
    "S3FIFO": "used once only, first",
    "Sieve": "not used since it was looked at last",
    "LHD": "least likely to be used again, for its size",
    "Belady": "used last of all in the future, which nobody can know: the best there is for models of one size",
}
_WARM_UP = 0.25
_MOST = 400_000
"""Requests that each policy is shown."""
_UNIT = 1000
"""To so many parts of a copy, memory is shared out within a policy."""
_FEWEST = 12
"""Copies from which on S3FIFO works: a tenth of the memory is for those that are new. With fewer it keeps none."""


def ask(question: Question, instances: int) -> Scenario:
    """The hit ratio by policy, of one memory as large as that of all instances, with loads that take no time."""
    import libcachesim

    demand, measured = question.demand, question.measured
    count = min(how_many(measured, demand, instances), _MOST)
    targets = demand.requests(count, 5)["target"]
    sizes = np.array([max(1, round(each.copy * _UNIT)) for each in measured.memory], np.int64)[demand.kinds]
    room = round(instances * (measured.budget - sum(each.shared for each in measured.memory)) * _UNIT)
    future = _next_uses(targets)
    first = int(_WARM_UP * len(targets))
    rows: list[dict[str, Any]] = []
    for name, words in POLICIES.items():
        if name == "S3FIFO" and room < _FEWEST * sizes.max():
            continue
        cache = getattr(libcachesim, name)(room)
        request = libcachesim.Request()
        hits = 0
        for number, (target, following) in enumerate(zip(targets.tolist(), future.tolist(), strict=True)):
            request.obj_id, request.obj_size, request.next_access_vtime = target, int(sizes[target]), following
            request.clock_time = number
            hit = cache.get(request)
            if hit and number >= first:
                hits += 1
        rows.append({"policy": name, "evicts": words, "hit_ratio": hits / (len(targets) - first)})
    lru, belady = rows[0]["hit_ratio"], rows[-1]["hit_ratio"]
    best = max(rows[:-1], key=lambda row: row["hit_ratio"])
    answer = (
        f"{best['policy']} would hit {best['hit_ratio']:.2%} where LRU hits {lru:.2%}"
        if best["policy"] != "LRU"
        else f"none hits more than LRU, {lru:.2%}"
    )
    return Scenario(
        name="policies",
        title="Others are evicted",
        answer=f"{answer}; {_bound(belady, best['hit_ratio'], len(np.unique(sizes)))}",
        rows=tuple(rows),
    )


def _bound(belady: float, best: float, sizes: int) -> str:
    """To keep what is asked for first is best where all are of one size; else small ones may be worth more.

    In a memory of one or two models GDSF, which may drop what was just loaded, hits more than who must keep it.
    """
    if sizes == 1 and belady >= best:
        return f"no policy could hit more than {belady:.2%}"
    return f"with the future known, Belady's hits {belady:.2%}"


def _next_uses(targets: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """When each request's target is asked for again; far away where it never is."""
    order = np.lexsort((np.arange(len(targets)), targets))
    found = np.full(len(targets), 2**62, np.int64)
    same = targets[order[1:]] == targets[order[:-1]]
    found[order[:-1][same]] = order[1:][same]
    return found
