"""Connections: each user has one of its own, and the system must let a client process have as many."""

import math

from mmebench.errors import BadInputError
from mmebench.open_files import allow_open_files
from mmebench.spec import ClosedLoop, Workload

_BESIDE = 256
"""What a client process has open beside its users' connections, plenty: libraries, pipes, Locust's sockets."""
_VISITORS, _FEWEST_VISITORS = 65_536, 4_096
"""What the process that leads may have open, and needs where others reach it: who has no token can connect, too,
and takes a file until the handshake is given up."""


def allow_connections(workload: Workload) -> None:
    """Raise the limit of open files for what the load needs.

    A process may come to have all users, as they are started elsewhere where others are lost.

    Raises:
        BadInputError: not even its share of the users would get its connections. They would fail in great number,
            and it would look as if the endpoint had. Or a few strangers could keep workers of other hosts out.
    """
    most = _most_users(workload)
    share = math.ceil(most / workload.processes) if workload.workers is None else 0
    allowed = allow_open_files(max(most + _BESIDE, _VISITORS))
    if allowed < share + _BESIDE:
        possible = max(0, allowed - _BESIDE) * workload.processes
        raise BadInputError(
            f"workload: {most} users at once in {workload.processes} client processes need {share + _BESIDE} open "
            f"files in each; this system allows {allowed}. Ask for {possible} users at "
            "most, or for more processes, or raise the limit (ulimit -Hn)"
        )
    if workload.workers is not None and allowed < _FEWEST_VISITORS:
        raise BadInputError(
            f"workload.workers: got {allowed} open files that this system allows a process; allowed: "
            f"{_FEWEST_VISITORS} or more, as strangers who connect take them from workers; raise the limit "
            "(ulimit -Hn)"
        )


def _most_users(workload: Workload) -> int:
    """Of any stage that may come."""
    search = workload.profile.search
    if workload.profile.auto is not None:
        return workload.profile.auto.limit
    if search is None:
        return max(stage.concurrency for stage in workload.stages)
    last = search.limit if isinstance(workload.arrivals, ClosedLoop) else 1
    return workload.stage(last, search.users, search.duration, search.warmup).concurrency
