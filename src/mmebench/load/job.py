"""A load job: all that the Locust process is told, as one JSON file. It holds no secrets."""

from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.load.locust_pages import LocustPages
from mmebench.load.payload.payload import Body, check_room, make_bodies, read_body
from mmebench.load.schedule.keys import trace_keys
from mmebench.load.schedule.popularity import probabilities
from mmebench.load.schedule.trace import read_trace
from mmebench.spec import Objectives, Trace, Workload
from mmebench.spec.workload import check_search
from mmebench.wire.addresses import invocation_path


class RequestContent(NamedTuple):
    """What requests are made of: bodies, and the course of a trace where the arrivals follow one."""

    bodies: tuple[Body, ...]
    pool: int
    """The first so many bodies are drawn from; the others belong to the trace."""
    trace: list[tuple[float, int]]
    """Second and key of each request."""


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
    profile: str | None = None
    """Whose AWS credentials requests are signed with, on this host; None is whom AWS_PROFILE names."""
    ca: Path | None = None
    """Certificates to trust instead of the system's."""
    samples: Path
    """Where the samples go, as an Arrow IPC stream."""
    pages: LocustPages | None = None
    """Where Locust's pages are, below :data:`LOCUST_PAGES`, during the load; None is nowhere."""

    @property
    def path(self) -> str:
        """The path that requests are sent to."""
        return invocation_path(self.endpoint_name)

    def content(self) -> RequestContent:
        """What the requests are made of; the same in every process.

        Raises:
            BadInputError: something that the workload names cannot be used, or does not suit the targets.
        """
        workload, payload = self.workload, self.workload.payload
        bodies = make_bodies(self.inputs, payload, self.max_batch_size)
        pool = len(bodies)
        if not isinstance(workload.arrivals, Trace):
            return RequestContent(bodies, pool, [])
        names_targets = workload.popularity.traced
        trace = read_trace(workload.arrivals.path, self.targets, names_targets)
        files = sorted({request.payload for request in trace if request.payload is not None})
        content_type = payload.content_type or bodies[0].content_type
        bodies += tuple(Body(read_body(path), content_type) for path in files)
        return RequestContent(bodies, pool, trace_keys(trace, workload, self.targets, pool, files))

    def check(self) -> None:
        """Refuse what cannot work before a process is started for it.

        Raises:
            BadInputError: see :meth:`content`; or a search has nothing to meet.
        """
        try:
            check_search(self.workload, self.objectives)
        except ValueError as error:
            raise BadInputError(str(error)) from None
        probabilities(self.workload.popularity, self.targets)
        check_room(self.inputs, self.workload.payload)
        # One body of the pool is as good as all, and quicker.
        one = self.workload.payload.model_copy(update={"pool": 1})
        self.model_copy(update={"workload": self.workload.model_copy(update={"payload": one})}).content()
