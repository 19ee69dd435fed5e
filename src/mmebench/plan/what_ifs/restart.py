"""What if everything is cold, as after a deployment?"""

from mmebench.plan.course import follow
from mmebench.plan.option import Question
from mmebench.plan.simulation.simulated import how_many
from mmebench.record.plan import Scenario
from mmebench.units import human_seconds

_TITLE = "Nothing is in memory, as after a deployment"


def ask(question: Question, instances: int) -> Scenario:
    """How long until the hit ratio and the objectives are back."""
    prediction = question.simulating.at(instances)
    if not prediction.keeps_up:
        return Scenario(name="restart", title=_TITLE, answer=f"{instances} cannot keep up in any case")
    usual = prediction.hit_ratio
    count = how_many(question.measured, question.demand, instances)
    course = follow(question, question.demand.requests(count, 1), [(0.0, instances)], 0.0, False, usual)
    seen = course.moments[-1].seconds
    if course.recovered is None:
        answer = f"after {human_seconds(seen)} the hit ratio of {usual:.1%} or the objectives are not back yet"
    else:
        answer = (
            f"the hit ratio of {usual:.1%} and the objectives are back after {human_seconds(course.recovered)}"
        )
    worst = max((moment.p99_ms or 0.0 for moment in course.moments), default=0.0)
    return Scenario(
        name="restart",
        title=_TITLE,
        answer=f"{answer}; p99 is up to {human_seconds(worst / 1e3)} meanwhile",
        course=course.moments,
    )
