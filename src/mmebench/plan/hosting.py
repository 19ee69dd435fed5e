"""Other ways to host the same models: all of them always in memory, together or each on an endpoint of its own.

Nothing is ever loaded then, so that a queue for compute and a sum of memory say all. Both are the least that it
can take: components are packed as densely, and spread as evenly, as can be.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mmebench.plan.analytic import predict
from mmebench.plan.demand import Demand
from mmebench.plan.measured import Floats, Measured
from mmebench.plan.option import Question
from mmebench.plan.prediction import Prediction, Tail
from mmebench.spec.endpoints.component import accelerators_of

_STEPS = 24
"""Of the search for the largest rate; each halves what is not known."""
_GROUPS = 12
"""Endpoints of one model each that are looked at: those that equal parts of the requests go to."""


@dataclass(frozen=True)
class InMemory:
    """Instances that have all their models in memory, like those of a measured run."""

    question: Question

    @cached_property
    def most_per_second(self) -> float:
        """Requests at which one of them holds the objectives; 0 where it never does."""
        return self._most_per_second(None)

    @cached_property
    def most_of_kind(self) -> Floats:
        """The same where it has models of one kind only, of each."""
        return np.array([self._most_per_second(kind) for kind in range(len(self.question.measured.kinds))])

    @cached_property
    def _roomy(self) -> Measured:
        """What was measured, with room for anything."""
        return replace(self.question.measured, budget=math.inf)

    def components(self, demand: Demand) -> tuple[int, str] | None:
        """Instances for each model to be in memory once at least, and what limits them; None: nothing holds."""
        most = self.most_per_second
        if not most:
            return None
        copies = np.maximum(1, np.ceil(demand.rate * demand.shares / most))
        takes = {"memory": self._for_memory(copies, demand), "compute": math.ceil(demand.rate / most)}
        if gpus := self.gpus:
            takes["GPUs, of which each component has one alone"] = math.ceil(float(copies.sum()) / gpus)
        limit = max(takes, key=lambda what: takes[what])
        return takes[limit], limit

    @property
    def gpus(self) -> int:
        """Of an instance that gives no part of one to a component, as SageMaker's; else 0."""
        return accelerators_of(self.question.measured.instance_type)

    def components_tail(self, demand: Demand, instances: int) -> Tail:
        """How requests go on so many."""
        return self._at(demand.rate / instances, None).all

    def single(self, demand: Demand) -> int | None:
        """Instances where each model has an endpoint of its own, one at least; None where nothing holds."""
        each = self._each(demand)
        return None if each is None else int(each.sum())

    def single_tail(self, demand: Demand) -> Tail:
        """How requests go on them."""
        each = self._each(demand)
        assert each is not None
        rates, found = demand.rate * demand.shares, []
        cumulative = np.cumsum(rates)
        for share in (np.arange(_GROUPS) + 0.5) / _GROUPS:
            model = min(int(np.searchsorted(cumulative, share * cumulative[-1])), len(rates) - 1)
            found.append(self._at(float(rates[model] / each[model]), int(demand.kinds[model])).latency)
        return Tail(*np.quantile(np.concatenate(found), (0.5, 0.95, 0.99), method="inverted_cdf").tolist())

    def _each(self, demand: Demand) -> Floats | None:
        """Instances of each model."""
        if not self.most_of_kind[np.unique(demand.kinds)].all():
            return None
        needed: Floats = np.ceil(demand.rate * demand.shares / self.most_of_kind[demand.kinds])
        return np.maximum(1, needed)

    def _for_memory(self, copies: Floats, demand: Demand) -> int:
        """Instances that have room for so many copies of each model."""
        measured = self.question.measured
        sizes = np.array([each.copy for each in measured.memory])
        room = measured.budget - sum(each.shared for each in measured.memory)
        if len(sizes) == 1:
            return math.ceil(float(copies.sum()) / max(1, math.floor(room / float(sizes[0]))))
        return math.ceil(float((copies * sizes[demand.kinds]).sum()) / room)

    def _most_per_second(self, kind: int | None) -> float:
        question = self.question
        low, high = 0.0, question.measured.most_per_second
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if self._at(middle, kind).missed(question.objectives, question.kinds):
                high = middle
            else:
                low = middle
        return low

    def _at(self, rate: float, kind: int | None) -> Prediction:
        """So many requests per second on one of them, of all kinds as they are asked for together, or of one."""
        question = self.question
        count = len(question.measured.kinds)
        if kind is None:
            shares = np.bincount(question.demand.kinds, question.demand.shares, count).astype(np.float64)
        else:
            shares = np.where(np.arange(count) == kind, 1.0, 0.0)
        order = np.argsort(-shares, kind="stable").astype(np.uint8)
        planning = question.planning.model_copy(update={"routing": "hashed", "pinned": 0})
        return predict(self._roomy, Demand(rate, shares[order], order), planning, 1)
