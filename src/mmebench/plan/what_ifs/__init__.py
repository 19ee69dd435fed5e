"""What-ifs: a file for each kind, which says what happens and what comes of it."""

from collections.abc import Callable

from mmebench.plan.option import Question
from mmebench.plan.what_ifs import hosting, lost, pinned, policies, restart, scale_out, twice
from mmebench.record.plan import Scenario
from mmebench.spec.planning import WhatIf

WHAT_IFS: dict[WhatIf, Callable[[Question, int], Scenario]] = {
    "twice": twice.ask,
    "lost": lost.ask,
    "restart": restart.ask,
    "scale_out": scale_out.ask,
    "policies": policies.ask,
    "pinned": pinned.ask,
    "hosting": hosting.ask,
}
"""Each takes the question that was answered, and the number of instances that was the answer."""

__all__ = ["WHAT_IFS"]
