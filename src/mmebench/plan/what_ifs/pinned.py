"""What if the hottest models are never evicted?"""

from dataclasses import replace

from mmebench.plan.option import Question, known
from mmebench.record.plan import Scenario

_SHARES = (0.0, 0.1, 0.25, 0.5)
"""Of the models that there is room for: so many are pinned."""


def ask(question: Question, instances: int) -> Scenario:
    """What pinning some of them brings."""
    measured = question.measured
    room = int(instances * measured.budget / min(each.copy for each in measured.memory))
    rows = []
    for share in _SHARES:
        pinned = min(int(room * share), question.demand.models)
        planning = question.planning.model_copy(update={"pinned": pinned})
        prediction = replace(question, planning=planning).simulating().at(instances)
        rows.append(
            {
                "pinned": pinned,
                "hit_ratio": known(prediction.hit_ratio),
                "p99_ms": known(prediction.all.p99 * 1e3),
                "loads_per_s": prediction.loads_per_s,
            }
        )
    plain, best = rows[0], max(rows, key=lambda row: row["hit_ratio"] or 0.0)
    gain = (best["hit_ratio"] or 0.0) - (plain["hit_ratio"] or 0.0)
    answer = (
        f"{best['pinned']:,} pinned models bring the hit ratio from {plain['hit_ratio']:.2%} to "
        f"{best['hit_ratio']:.2%}"
        if gain > 0.0005
        else "it brings nothing: what is asked for most stays in memory by itself"
    )
    return Scenario(name="pinned", title="The hottest models are never evicted", answer=answer, rows=tuple(rows))
