"""What if others are evicted than those that were used least recently?"""

import tempfile
from collections.abc import Sequence

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
_UNIT = 1_000_000
"""In so many parts of the largest copy memory is counted."""
_REQUEST = np.dtype([("time", "<u4"), ("target", "<u8"), ("size", "<u4"), ("next_use", "<i8")])
"""As libCacheSim's format oracleGeneral has it."""
_FEWEST = 12
"""Copies from which on S3FIFO works: a tenth of the memory is for those that are new. With fewer it keeps none."""


def ask(question: Question, instances: int) -> Scenario:
    """The hit ratio by policy, of one memory as large as that of all instances, with loads that take no time."""
    demand, measured = question.demand, question.measured
    count = min(how_many(measured, demand, instances), _MOST)
    targets = demand.requests(count, 5)["target"]
    unit = _UNIT / max(each.copy for each in measured.memory)
    sizes = np.array([max(1, round(each.copy * unit)) for each in measured.memory], np.uint32)[demand.kinds]
    room = round(instances * (measured.budget - sum(each.shared for each in measured.memory)) * unit)
    tried = [name for name in POLICIES if name != "S3FIFO" or room >= _FEWEST * int(sizes.max())]
    hits = _hit_ratios(tried, room, targets, sizes)
    best = max((name for name in tried if name != "Belady"), key=lambda name: hits[name])
    answer = (
        f"{best} would hit {hits[best]:.2%} where LRU hits {hits['LRU']:.2%}"
        if best != "LRU"
        else f"none hits more than LRU, {hits['LRU']:.2%}"
    )
    return Scenario(
        name="policies",
        title="Others are evicted",
        answer=f"{answer}; {_bound(hits['Belady'], hits[best], len(np.unique(sizes)))}",
        rows=tuple({"policy": name, "evicts": POLICIES[name], "hit_ratio": hits[name]} for name in tried),
    )


def _hit_ratios(
    policies: Sequence[str], room: int, targets: npt.NDArray[np.int32], sizes: npt.NDArray[np.uint32]
) -> dict[str, float]:
    """By policy, of the requests after the first quarter; ``sizes`` are by target."""
    import libcachesim

    requests = np.zeros(len(targets), _REQUEST)
    requests["time"] = np.arange(len(targets))
    requests["target"], requests["size"] = targets, sizes[targets]
    requests["next_use"] = _next_uses(targets)
    first = int(_WARM_UP * len(targets))
    found = {}
    with tempfile.NamedTemporaryFile(suffix=".oracleGeneral") as file:
        requests.tofile(file)
        file.flush()
        for name in policies:
            cache = getattr(libcachesim, name)(room)
            reader = libcachesim.TraceReader(file.name, libcachesim.TraceType.ORACLE_GENERAL_TRACE)
            if first:
                cache.process_trace(reader, 0, first)
            missed, _ = cache.process_trace(reader, first)
            found[name] = 1 - missed
    return found


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
