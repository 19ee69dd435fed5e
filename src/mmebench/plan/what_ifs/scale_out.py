"""What if traffic doubles from one moment on, and instances are added as target tracking does it?"""

import numpy as np

from mmebench.plan.course import follow
from mmebench.plan.option import Question
from mmebench.plan.simulation.simulated import how_many
from mmebench.record.plan import Scenario
from mmebench.units import human_seconds


def ask(question: Question, instances: int) -> Scenario:
    """How long the queue lasts until the new instances help."""
    planning, demand = question.planning, question.demand
    after = planning.scale_out_after
    # As many again come after some minutes: target tracking keeps the requests of an instance as they were.
    before = max(how_many(question.measured, demand, instances) / demand.rate / 2, after / 2)
    behind = max(2 * before, 2 * after)
    quiet = demand.requests(max(1, round(before * demand.rate)), 3)
    busy = demand.scaled(2).requests(max(1, round(behind * demand.rate * 2)), 4)
    busy["time"] += quiet["time"][-1]
    happens = float(quiet["time"][-1])
    requests = np.concatenate([quiet, busy])
    course = follow(question, requests, [(0.0, instances), (happens + after, 2 * instances)], happens)
    most = max(moment.unanswered for moment in course.moments)
    worst = max((moment.p99_ms or 0.0 for moment in course.moments), default=0.0)
    back = (
        f"they are not back {human_seconds(course.moments[-1].seconds)} later"
        if course.recovered is None
        else f"they are back after {human_seconds(course.recovered)}"
    )
    return Scenario(
        name="scale_out",
        title=f"Twice the traffic from one moment on, and as many instances again {human_seconds(after)} later",
        answer=f"hit ratio and objectives: {back}; up to {most:,} requests wait, and p99 is up to "
        f"{human_seconds(worst / 1e3)}",
        course=course.moments,
    )
