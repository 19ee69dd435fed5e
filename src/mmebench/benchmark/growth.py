"""Growth: a copy is made as large in memory as the load can make it, before it counts."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from mmebench.benchmark.side_by_side import side_by_side
from mmebench.errors import BadInputError
from mmebench.load.payload import Body, make_body
from mmebench.models.package import Package
from mmebench.spec import Payload
from mmebench.units import human_bytes
from mmebench.wire.addresses import BODY_LIMIT


@dataclass(frozen=True)
class Growth:
    """The largest batch that can form under load, in requests that the endpoint takes."""

    body: Body
    requests: int = 1
    """So many are sent at once. Where one request cannot carry the batch, the first keeps the model busy while the
    others wait in its queue, from which the server takes them together."""

    def send(self, invoke: Callable[[Body], object]) -> None:
        """Make a copy grow; raises what ``invoke`` raises."""
        for called in side_by_side(invoke, [self.body] * self.requests, self.requests):
            called.result()


def find_growth(payload: Payload, package: Package) -> Growth:
    """For requests with ``payload`` to a model that is served as ``package``.

    Raises:
        BadInputError: not even one row fits into a request.
    """
    if payload.file is not None or not package.dynamic_batching:
        return Growth(_whole(payload, package, payload.batch))
    wanted = max(package.max_batch_size, payload.batch)
    rows, body = wanted, _make(payload, package, wanted)
    while len(body.content) > BODY_LIMIT and rows > 1:
        rows = max(1, min(rows - 1, rows * BODY_LIMIT // len(body.content)))
        body = _make(payload, package, rows)
    if rows == wanted:
        return Growth(body)
    return Growth(_whole(payload, package, rows), math.ceil(wanted / rows) + 1)


def check_size(body: Body) -> None:
    """Refuse a request that no endpoint of SageMaker takes.

    Raises:
        BadInputError: it is over the limit.
    """
    if len(body.content) > BODY_LIMIT:
        got, allowed = human_bytes(len(body.content)), human_bytes(BODY_LIMIT)
        raise BadInputError(
            f"workload.payload: got {got} a request; allowed: {allowed}, the most that SageMaker takes; "
            "lower batch, or send encoding: binary"
        )


def _whole(payload: Payload, package: Package, rows: int) -> Body:
    body = _make(payload, package, rows)
    check_size(body)
    return body


def _make(payload: Payload, package: Package, rows: int) -> Body:
    return make_body(package.inputs, payload.model_copy(update={"batch": rows}), package.max_batch_size)
