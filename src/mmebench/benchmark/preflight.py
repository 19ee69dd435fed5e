"""Preflight: what would be refused later is refused before a model is exported and an endpoint costs money.

Only what a spec says by itself can be looked at: how many targets fit and what a model takes is not known yet.
"""

import math

from mmebench.benchmark.capacity import target_name
from mmebench.benchmark.growth import check_size
from mmebench.load.payload.payload import Body, check_files, check_room, read_body
from mmebench.load.schedule.popularity import probabilities
from mmebench.load.schedule.trace import read_trace
from mmebench.models.sources.file import check_file
from mmebench.spec import FileModel, Spec, Targets, Trace
from mmebench.spec.workload import MOST_TARGETS

_UNNAMED = "model"
"""Where only the loader of a model knows its name."""


def refuse_early(spec: Spec) -> None:
    """Read every file that the spec names, and hold its targets against what asks for them.

    Raises:
        BadInputError: a file cannot be used, there can be no such targets, or a request is too large.
    """
    payload, arrivals, popularity = spec.workload.payload, spec.workload.arrivals, spec.workload.popularity
    if isinstance(spec.model, FileModel):
        check_file(spec.model)
        check_room(spec.model.inputs, payload)
    check_files(payload)
    if payload.file is not None:
        check_size(Body(read_body(payload.file), ""))
    most = [target_name(spec.model.label or _UNNAMED, number) for number in range(_most(spec.targets))]
    if isinstance(spec.targets.count, int):
        probabilities(popularity, most)
    else:
        popularity.check(most)
    if isinstance(arrivals, Trace):
        for request in read_trace(arrivals.path, most, popularity.traced):
            if request.payload is not None:
                check_size(Body(read_body(request.payload), ""))


def _most(targets: Targets) -> int:
    """The most that there can be."""
    if isinstance(targets.count, int) and targets.capacity is None:
        return targets.count
    return min(MOST_TARGETS, math.ceil(targets.limit * (targets.capacity or 1)))
