"""What if an instance is lost?"""

from mmebench.plan.course import follow
from mmebench.plan.option import Question
from mmebench.plan.simulation.simulated import how_many
from mmebench.record.plan import Scenario
from mmebench.units import human_seconds

_TITLE = "An instance is lost"


def ask(question: Question, instances: int) -> Scenario:
    """What the others do without it."""
    if instances == 1:
        return Scenario(
            name="lost", title=_TITLE, answer="there is only one; nothing is answered until it is back"
        )
    requests = question.demand.requests(how_many(question.measured, question.demand, instances), 2)
    happens = float(requests["time"][-1]) / 2
    course = follow(question, requests, [(0.0, instances), (happens, instances - 1)], happens)
    after = [moment for moment in course.moments if moment.seconds > 0]
    worst = max((moment.p99_ms or 0.0 for moment in after), default=0.0)
    if course.recovered is None:
        answer = f"the {instances - 1} that are left do not hold the objectives"
    else:
        answer = (
            f"the {instances - 1} that are left have the hit ratio and the objectives back after "
            f"{human_seconds(course.recovered)}"
        )
    return Scenario(
        name="lost",
        title=_TITLE,
        answer=f"{answer}; p99 is up to {human_seconds(worst / 1e3)}, and {course.lost} requests are lost with it",
        course=course.moments,
    )
