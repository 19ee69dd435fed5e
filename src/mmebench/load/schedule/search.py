"""The search for the largest load that meets the objectives: bracket, then bisect.

Starting at ``first`` the load is doubled until one misses (or halved until one is met, where already the first
misses). Between the largest load that was met and the smallest that was missed, the middle is tried until they
are within ``tolerance`` of each other. Whole numbers of users stay whole.

An endpoint's latency grows with its load, but a single measurement may say otherwise by chance. The search does
not go back: what was missed once bounds it, so that what it reports as met has been met when it was tried.
"""

from dataclasses import dataclass, replace
from typing import Self

from mmebench.spec import Search

_FEWEST = 1 / 16
"""Of ``first``: where not even this share of it is served well, the search gives up."""


@dataclass(frozen=True)
class SearchState:
    """What is known so far; a new state for each answer."""

    asked: Search
    whole: bool
    """Loads are users, and not a rate."""
    load: float
    """What is to be tried next."""
    met: float | None = None
    missed: float | None = None
    over: bool = False

    @classmethod
    def begin(cls, asked: Search, whole: bool) -> Self:
        """Before the first probe."""
        return cls(asked, whole, max(1.0, round(asked.first)) if whole else asked.first)

    def told(self, met: bool) -> "SearchState":
        """The state once ``load`` has been tried."""
        known = replace(self, met=self.load) if met else replace(self, missed=self.load)
        load = known._next()
        return replace(known, over=True) if load is None else replace(known, load=load)

    def _next(self) -> float | None:
        """The next load to try; None when the search is over."""
        if self.missed is None:
            assert self.met is not None
            load = self._rounded(min(self.met * 2, self.asked.limit))
            return None if load <= self.met else load
        if self.met is None:
            load = self._rounded(self.missed / 2)
            return load if load >= max(1 if self.whole else 0, self.asked.first * _FEWEST) else None
        if self.missed - self.met <= max(self.asked.tolerance * self.missed, 1 if self.whole else 0):
            return None
        return self._rounded((self.met + self.missed) / 2)

    def _rounded(self, load: float) -> float:
        return float(int(load)) if self.whole else load
