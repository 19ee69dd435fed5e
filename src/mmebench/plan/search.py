"""The search for the number of instances: the fewest that hold the objectives."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mmebench.plan.prediction import Prediction
from mmebench.spec import Objectives

MOST = 10_000
"""Instances from which on nobody looks further."""
_AWAY = 64
"""Most instances by which the simulation may be apart from the computation before it is given up."""

Predict = Callable[[int], Prediction]


@dataclass
class Search:
    """What was looked at, and which number holds."""

    predict: Predict
    objectives: Objectives
    kinds: tuple[str, ...]
    seen: dict[int, Prediction] = field(default_factory=dict)

    def at(self, instances: int) -> Prediction:
        """Looked at once."""
        if instances not in self.seen:
            self.seen[instances] = self.predict(instances)
        return self.seen[instances]

    def missed(self, instances: int) -> tuple[str, ...]:
        """Which objectives so many miss."""
        return self.at(instances).missed(self.objectives, self.kinds)

    def holds(self, instances: int) -> bool:
        """Whether so many hold all."""
        return not self.missed(instances)

    def fewest(self, first: int, most: int = MOST) -> int | None:
        """From ``first`` on; None where none up to ``most`` holds."""
        fails, holds = first - 1, first
        step = 1
        while not self.holds(holds):
            if holds >= most:
                return None
            fails, holds = holds, min(holds + step, most)
            step *= 2
        return self._between(fails, holds)

    def near(self, guess: int) -> int | None:
        """The same where it is likely close to ``guess``; None where that is not so."""
        if not self.holds(guess):
            return self.fewest(guess, guess + _AWAY)
        holds, step = guess, 1
        while holds > 1:
            fewer = max(1, holds - step)
            if not self.holds(fewer):
                return self._between(fewer, holds)
            holds, step = fewer, step * 2
        return holds

    def _between(self, fails: int, holds: int) -> int:
        while holds - fails > 1:
            middle = (fails + holds) // 2
            fails, holds = (fails, middle) if self.holds(middle) else (middle, holds)
        return holds
