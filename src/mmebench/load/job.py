"""A load job: all that the Locust process is told, as one JSON file. It holds no secrets."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mmebench.load.host import invocation_path
from mmebench.load.payload import Body, make_bodies
from mmebench.load.popularity import probabilities
from mmebench.load.trace import TracedRequest, read_trace
from mmebench.spec import Objectives, Trace, TracedTargets, Workload
from mmebench.tensors import TensorSpec


class LoadJob(BaseModel):
    """A URL, the targets behind it and the workload; what kind of endpoint it is does not matter to the load."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    """Base URL of the SageMaker Runtime API."""
    endpoint_name: str
    region: str
    targets: tuple[str, ...]
    inputs: tuple[TensorSpec, ...]
    max_batch_size: int
    workload: Workload
    objectives: Objectives = Objectives()
    """What a search is to meet."""
    ca: Path | None = None
    """Certificates to trust instead of the system's."""
    samples: Path
    """Where the samples go, as an Arrow IPC stream."""

    @property
    def path(self) -> str:
        """The path that requests are sent to."""
        return invocation_path(self.endpoint_name)

    def trace(self) -> tuple[TracedRequest, ...]:
        """The trace that the arrivals follow; empty where they follow none.

        Raises:
            BadInputError: it cannot be used.
        """
        arrivals = self.workload.arrivals
        if not isinstance(arrivals, Trace):
            return ()
        return read_trace(arrivals.path, self.targets, isinstance(self.workload.popularity, TracedTargets))

    def bodies(self) -> tuple[Body, ...]:
        """The bodies that requests are drawn from.

        Raises:
            BadInputError: what the payload names cannot be used.
        """
        return make_bodies(self.inputs, self.workload.payload, self.max_batch_size)

    def check(self) -> None:
        """Refuse what cannot work before a process is started for it.

        Raises:
            BadInputError: the targets, the trace or the payload do not suit the workload.
        """
        probabilities(self.workload.popularity, self.targets)
        self.trace()
        make_bodies(self.inputs, self.workload.payload.model_copy(update={"pool": 1}), self.max_batch_size)
