"""How much of a tuning is left: in trials, in time and in dollars."""

from collections.abc import Callable

from mmebench.spec.tuning import Tuning
from mmebench.units import human_seconds


class Budget:
    """Begins when it is made. Trials of earlier starts count as trials, and not as time or money."""

    def __init__(self, tuning: Tuning, clock: Callable[[], float]) -> None:
        """``clock`` tells seconds."""
        self._tuning = tuning
        self._clock = clock
        self._began = clock()
        self._own = 0

    def begin_trial(self) -> None:
        """One more is measured."""
        self._own += 1

    def used_up(self, trials: int, usd: float | None) -> str | None:
        """Why no further trial is begun, in words; None where there is room for one like those of this start.

        Args:
            trials: how many there are, with those of earlier starts.
            usd: what this start has cost; None where nobody bills anything.
        """
        asked, own = self._tuning, max(self._own, 1)
        spent = self._clock() - self._began
        if trials >= asked.trials:
            return f"as many as tune.trials says, {asked.trials}"
        if asked.time is not None and self._own and spent + spent / own > asked.time:
            return f"{human_seconds(round(spent))} of tune.time {human_seconds(asked.time)}, too few for another"
        if asked.dollars is not None and self._own and usd is not None and usd + usd / own > asked.dollars:
            return f"${usd:.2f} of tune.dollars ${asked.dollars:.2f}, too little for another"
        return None
