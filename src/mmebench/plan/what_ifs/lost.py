"""What if an instance is lost?"""

from mmebench.plan.course import follow
from mmebench.plan.option import Question
from mmebench.plan.simulation.simulated import how_many
from mmebench.record.plan import Scenario
from mmebench.units import counted, human_seconds

_TITLE = "An instance is lost"


def ask(question: Question, instances: int) -> Scenario:
    """What the others do without it."""
    if instances == 1:
        return Scenario(
            name="lost", title=_TITLE, answer="there is only one; nothing is answered until it is back"
        )
    rest = question.simulating.at(instances - 1)
    missed = rest.missed(question.objectives, question.kinds)
    requests = question.demand.requests(how_many(question.measured, question.demand, instances), 2)
    happens = float(requests["time"][-1]) / 2
    steps = [(0.0, instances), (happens, instances - 1)]
    course = follow(question, requests, steps, happens, usual=rest.hit_ratio)
    after = [moment for moment in course.moments if moment.seconds > 0]
    worst = max((moment.p99_ms or 0.0 for moment in after), default=0.0)
    if missed:
        answer = f"the {instances - 1} that are left do not hold the objectives: {', '.join(missed)}"
    elif course.recovered is None:
        seen = human_seconds(course.moments[-1].seconds)
        answer = f"the {instances - 1} that are left do not have the objectives back after {seen}"
    else:
        back = human_seconds(course.recovered)
        answer = f"the {instances - 1} that are left have the hit ratio and the objectives back after {back}"
    lost = counted(course.lost, "request")
    return Scenario(
        name="lost",
        title=_TITLE,
        answer=f"{answer}; p99 is up to {human_seconds(worst / 1e3)}; lost with it: {lost}",
        course=course.moments,
    )
