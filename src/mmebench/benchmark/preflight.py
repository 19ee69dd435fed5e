"""Preflight: what would be refused later is refused before a model is exported and an endpoint costs money.

Only what a spec says by itself can be looked at: how many targets fit and what a model takes is not known yet.
"""

import math
import shutil
from collections.abc import Iterable
from pathlib import Path

from mmebench.benchmark.growth import check_size
from mmebench.benchmark.kind import named, naming, packages_of
from mmebench.errors import BadInputError
from mmebench.load.payload.payload import Body, check_files, check_room, make_arrays, read_body
from mmebench.load.schedule.popularity import probabilities
from mmebench.load.schedule.trace import read_trace
from mmebench.models.device import check_device
from mmebench.models.sources.file import check_file
from mmebench.spec import FileModel, Kind, ServedEndpoint, Spec, Targets, Trace
from mmebench.spec.workload import MOST_TARGETS
from mmebench.units import human_bytes

_UNNAMED = "model"
"""Where only the loader of a model knows its name."""


def refuse_early(spec: Spec) -> None:
    """Read every file that the spec names, and hold its targets against what asks for them.

    Args:
        spec: of which ready archives have been looked into.

    Raises:
        BadInputError: a file cannot be used, there can be no such targets, or a request is too large.
    """
    arrivals, popularity = spec.workload.arrivals, spec.workload.popularity
    most: list[str] = []
    for kind in {kind.name: kind for fleet in spec.fleets for kind in fleet.kinds}.values():
        with naming(kind):
            _refuse_platform(kind, spec.endpoint)
            _refuse_payload(kind)
            own = _targets(kind, spec.targets)
            if kind.targets.fixed is not None:
                probabilities(kind.popularity, own)
            else:
                kind.popularity.check(own)
            if twice := sorted({*own} & {*most}):
                raise BadInputError(
                    f"got a target {twice[0]}, which another model has, too; allowed: each name once; give one of "
                    "the models another name"
                )
        most += own
    if isinstance(arrivals, Trace):
        for request in read_trace(arrivals.path, most, popularity.traced):
            if request.payload is not None:
                check_size(Body(read_body(request.payload), ""))


def refuse_without_room(kinds: Iterable[Kind], results: Path) -> None:
    """Hold the files of all models against the disk that their packages are to be on.

    What an export takes is not known before its model is; that is looked at when it comes. What an endpoint
    unpacks it removes again where a disk gets full, and so is not counted.

    Args:
        kinds: all that are to be packaged.
        results: the directory for all results, which need not be there yet.

    Raises:
        BadInputError: together they take more than is free there, as far as they are not there already.
    """
    sizes: dict[str, int] = {}
    for kind in kinds:
        if isinstance(kind.model, FileModel):
            there = sum(path.stat().st_size for path in packages_of(results, kind).glob("*.tar.gz"))
            name = kind.name or kind.platform.label
            sizes[name] = max(0, kind.model.path.stat().st_size - there)
    where = next(path for path in (results.resolve(), *results.resolve().parents) if path.exists())
    needed, free = sum(sizes.values()), shutil.disk_usage(where).free
    if needed > free:
        largest = max(sizes, key=lambda name: sizes[name])
        raise BadInputError(
            f"{results}: got models whose packages take {human_bytes(needed)} there, the largest {largest} with "
            f"{human_bytes(sizes[largest])}; allowed: the {human_bytes(free)} that the disk has free; free some "
            "space, or give a folder on another disk, --results FOLDER"
        )


def _refuse_platform(kind: Kind, endpoint: ServedEndpoint) -> None:
    """What batches a ready archive takes is said by its config, which is not for a spec to know."""
    batch = 1 if kind.model.is_ready_archive else kind.platform.max_batch_size
    reason = endpoint.cannot_serve(kind.platform, batch)
    if reason is not None:
        raise BadInputError(reason)
    check_device(kind.model, kind.platform, endpoint)


def _refuse_payload(kind: Kind) -> None:
    if isinstance(kind.model, FileModel):
        check_file(kind.model)
        check_room(kind.model.inputs, kind.payload)
    check_files(kind.payload)
    if isinstance(kind.model, FileModel) and kind.payload.file is None:
        make_arrays(kind.model.inputs, kind.payload)
    if kind.payload.file is not None:
        check_size(Body(read_body(kind.payload.file), ""))


def _targets(kind: Kind, targets: Targets) -> list[str]:
    """The most that there can be."""
    count = kind.targets.fixed
    if count is None:
        count = min(MOST_TARGETS, math.ceil(targets.limit * (targets.capacity or 1)))
    return [named(kind, kind.model.label or _UNNAMED, number) for number in range(count)]
