"""What a local endpoint serves with: everything that one invocation may need of it."""

from collections.abc import Sequence

from mmebench.server.endpoint_metrics import EndpointMetrics
from mmebench.server.front.instance import Instance
from mmebench.server.front.routing import Choose
from mmebench.server.front.suspects import Suspects


class Served:
    """One endpoint: its name, its instances, what is counted, and which requests are not passed on."""

    def __init__(self, name: str, instances: Sequence[Instance], metrics: EndpointMetrics, choose: Choose) -> None:
        self.name = name
        self.instances = list(instances)
        self.metrics = metrics
        self.suspects = Suspects()
        self._choose = choose

    def route(self, target: str) -> Instance:
        """The instance for a request; one whose container is down gets none as long as another's is up."""
        instances = self.instances
        if len(instances) == 1:
            return instances[0]
        up = [instance for instance in instances if instance.container.ready.is_set()]
        return self._choose(target, up) if len(up) > 1 else (up or instances)[0]
