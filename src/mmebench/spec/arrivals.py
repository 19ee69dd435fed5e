"""When requests start."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mmebench.spec.strict import Duration, Strict


class ClosedLoop(Strict):
    """Each user waits for its answer, thinks, and sends the next request."""

    kind: Literal["closed"] = "closed"
    think_time: Duration = 0.0


class ConstantRate(Strict):
    """Open loop: requests start at equal distances, whatever the endpoint does."""

    kind: Literal["constant"]


class Poisson(Strict):
    """Open loop: requests start independently of each other, as those of many people do."""

    kind: Literal["poisson"]
    seed: int = Field(0, ge=0)


class Trace(Strict):
    """Open loop: requests start when a recorded trace says."""

    kind: Literal["trace"]
    path: Path = Field(
        description="CSV with a header, or JSON lines: timestamp (seconds), target (name or number), and "
        "payload (a file of one request's body) where it is not the workload's"
    )


Arrivals = Annotated[ClosedLoop | ConstantRate | Poisson | Trace, Field(discriminator="kind")]
