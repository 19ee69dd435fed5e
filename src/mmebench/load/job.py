"""A load job: all that the Locust process is told, as one JSON file. It holds no secrets."""

from itertools import chain
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from mmebench.errors import BadInputError
from mmebench.load.asked_kind import AskedKind
from mmebench.load.locust_pages import LocustPages
from mmebench.load.payload.payload import Body, check_room, make_bodies, read_body
from mmebench.load.schedule.keys import trace_keys
from mmebench.load.schedule.popularity import probabilities
from mmebench.load.schedule.trace import read_trace
from mmebench.spec import Objectives, Trace, Workload
from mmebench.spec.hosting import Hosting
from mmebench.spec.workload import check_search
from mmebench.wire.addressing import Address, address_of


class RequestContent(NamedTuple):
    """What requests are made of: bodies, and the course of a trace where the arrivals follow one."""

    bodies: tuple[Body, ...]
    """First those of each kind of model, one kind after the other; the others belong to the trace."""
    pools: tuple[int, ...]
    """Of each kind: how many bodies its requests are drawn from."""
    trace: list[tuple[float, int]]
    """Second and key of each request."""


class LoadJob(BaseModel):
    """A URL, the targets behind it and the workload; what kind of endpoint it is does not matter to the load."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    """Base URL of the SageMaker Runtime API."""
    endpoint_name: str
    region: str
    hosting: Hosting = "multi-model"
    prefix: str = ""
    kinds: tuple[AskedKind, ...]
    """What is asked for; of each, no target is another's."""
    workload: Workload
    """Of it, payload and popularity are each kind's own."""
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
    def targets(self) -> tuple[str, ...]:
        """Of all kinds, one kind after the other."""
        return tuple(chain.from_iterable(kind.targets for kind in self.kinds))

    @property
    def shares(self) -> dict[str, float]:
        """The part of the requests that each kind gets."""
        return {kind.name: kind.requests for kind in self.kinds}

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Of all targets, in their order."""
        return tuple(address_of(self.hosting, self.endpoint_name, target, self.prefix) for target in self.targets)

    def content(self) -> RequestContent:
        """What the requests are made of; the same in every process.

        Raises:
            BadInputError: something that the workload names cannot be used, or does not suit the targets.
        """
        workload = self.workload
        pools = [make_bodies(kind.inputs, kind.payload, kind.max_batch_size) for kind in self.kinds]
        bodies, sizes = tuple(chain.from_iterable(pools)), tuple(map(len, pools))
        if not isinstance(workload.arrivals, Trace):
            return RequestContent(bodies, sizes, [])
        arrivals = workload.arrivals
        trace = read_trace(arrivals.path, self.targets, workload.popularity.traced, arrivals.speed)
        files = sorted({request.payload for request in trace if request.payload is not None})
        types = [
            kind.payload.content_type or pool[0].content_type for kind, pool in zip(self.kinds, pools, strict=True)
        ]
        # One for each kind: what a body is, the kind of model says that it is for.
        contents = map(read_body, files)
        bodies += tuple(Body(content, content_type) for content in contents for content_type in types)
        return RequestContent(bodies, sizes, trace_keys(trace, workload, self.kinds, sizes, files))

    def check(self) -> None:
        """Refuse what cannot work before a process is started for it.

        Raises:
            BadInputError: see :meth:`content`; or a search has nothing to meet.
        """
        try:
            check_search(self.workload, self.objectives)
        except ValueError as error:
            raise BadInputError(str(error)) from None
        for kind in self.kinds:
            probabilities(kind.popularity, kind.targets)
            check_room(kind.inputs, kind.payload)
        # One body of each pool is as good as all, and quicker.
        alone = tuple(
            kind.model_copy(update={"payload": kind.payload.model_copy(update={"pool": 1})}) for kind in self.kinds
        )
        self.model_copy(update={"kinds": alone}).content()
