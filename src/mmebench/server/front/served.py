"""What a local endpoint serves with: everything that one invocation may need of it."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmebench.endpoints.counters import TargetCounters
from mmebench.endpoints.endpoint import InstanceChange, InstanceChangeKind
from mmebench.server.endpoint_metrics import EndpointMetrics
from mmebench.server.front.instance import Instance
from mmebench.server.front.routing import Choose, Dedicated
from mmebench.server.front.selection import Select
from mmebench.server.front.suspects import Suspects


@dataclass
class Past:
    """What instances counted that are gone."""

    loads: int = 0
    evictions: int = 0
    targets: dict[str, TargetCounters] = field(default_factory=dict)


class Served:
    """One endpoint: its name, its instances, what is counted, and which requests are not passed on.

    Attributes:
        instances: those that get requests.
        leaving: those that get no more, and answer what they have.
        past: what those counted that are gone.
        select: the target of a request.
        changes: what became of instances, the last of it.
    """

    def __init__(
        self, name: str, instances: Sequence[Instance], metrics: EndpointMetrics, choose: Choose, select: Select
    ) -> None:
        self.name = name
        self.instances = list(instances)
        self.leaving: list[Instance] = []
        self.past = Past()
        self.metrics = metrics
        self.select = select
        self.suspects = Suspects()
        self.changes: deque[InstanceChange] = deque(maxlen=1000)
        self._choose = choose
        self._dedicated = choose if isinstance(choose, Dedicated) else None

    def route(self, target: str) -> Instance:
        """The instance for a request; one whose container is down gets none as long as another's is up.

        Raises:
            RefusedError: each target has an instance of its own, and there is none left for this one.
        """
        instances = self.instances
        if self._dedicated is not None:
            return self._dedicated(target, instances)
        if len(instances) == 1:
            return instances[0]
        up = [instance for instance in instances if instance.container.ready.is_set()]
        return self._choose(target, up) if len(up) > 1 else (up or instances)[0]

    def replace(self, leaving: Sequence[Instance], coming: Sequence[Instance]) -> None:
        """From now on the ones get requests in the others' place."""
        self.instances = [each for each in self.instances if each not in leaving] + list(coming)
        self.leaving += leaving

    def changed(self, what: InstanceChangeKind, instances: int) -> None:
        """Remember that it happened now; as :class:`~mmebench.endpoints.endpoint.InstanceChange` has it."""
        self.changes.append(InstanceChange(what, instances, time.monotonic()))

    async def forget(self, instance: Instance) -> None:
        """One of those that leave is about to be taken down; what it counted stays."""
        counted = await instance.loader.evictor.statistics.read()
        self.leaving.remove(instance)
        self.past.loads += instance.ledger.loads
        self.past.evictions += instance.ledger.evictions
        self.past.targets = add_counters([self.past.targets, counted])

    async def targets(self) -> dict[str, TargetCounters]:
        """What containers counted for each target; asks them."""
        asked = [each.loader.evictor.statistics.read() for each in (*self.instances, *self.leaving)]
        return add_counters([self.past.targets, *await asyncio.gather(*asked)])


def add_counters(counted: Sequence[Mapping[str, TargetCounters]]) -> dict[str, TargetCounters]:
    """The sum for each target."""
    found: dict[str, TargetCounters] = {}
    for each in counted:
        for target, counters in each.items():
            found[target] = found[target] + counters if target in found else counters
    return found
