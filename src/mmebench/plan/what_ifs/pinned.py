"""What if the hottest models are never evicted?"""

from dataclasses import replace

from mmebench.plan.option import Question, point_of
from mmebench.record.plan import Scenario

_SHARES = (0.0, 0.1, 0.25, 0.5)
"""Of the models that there is room for: so many are pinned."""
_GAIN = 0.0005


def ask(question: Question, instances: int) -> Scenario:
    """What pinning some of them brings."""
    measured = question.measured
    # A model is pinned wherever it comes to be.
    everywhere = question.planning.routing in ("random", "least_outstanding")
    memories = 1 if everywhere else instances
    room = int(memories * measured.budget / min(each.copy for each in measured.memory))
    rows = []
    for share in _SHARES:
        pinned = min(int(room * share), question.demand.models)
        planning = question.planning.model_copy(update={"pinned": pinned})
        prediction = replace(question, planning=planning).simulating.at(instances)
        point = point_of(question, prediction, "simulated")
        rows.append(
            {
                "pinned": pinned,
                "hit_ratio": point.hit_ratio,
                "p99_ms": point.all.p99_ms,
                "loads_per_s": point.loads_per_s if point.keeps_up else None,
            }
        )
    plain, best = rows[0], max(rows, key=lambda row: row["hit_ratio"] or 0.0)
    before, after = plain["hit_ratio"], best["hit_ratio"]
    if before is None or after is None:
        answer = (
            f"{instances} cannot keep up in any case" if after is None else f"without, {instances} cannot keep up"
        )
    elif after - before > _GAIN:
        answer = f"{best['pinned']:,} pinned models bring the hit ratio from {before:.2%} to {after:.2%}"
    else:
        answer = "it brings nothing: what is asked for most stays in memory by itself"
    return Scenario(name="pinned", title="The hottest models are never evicted", answer=answer, rows=tuple(rows))
