"""What if there is twice the traffic?"""

from dataclasses import replace

from mmebench.figures.cost import HOURS_A_MONTH
from mmebench.plan.option import Question
from mmebench.record.plan import Scenario


def ask(question: Question, instances: int) -> Scenario:
    """How many instances hold the objectives then."""
    doubled = replace(question, demand=question.demand.scaled(2))
    found = doubled.simulating.near(max(2 * instances - 1, doubled.fewest))
    price = question.measured.usd_per_hour
    if found is None:
        answer = "no number of instances near twice as many holds the objectives"
    else:
        dollars = "" if price is None else f", ${price * HOURS_A_MONTH * found:,.0f} a month"
        answer = f"{found} instances hold the objectives, {found / instances:.3g} times as many{dollars}"
    return Scenario(name="twice", title="Twice the traffic", answer=answer)
