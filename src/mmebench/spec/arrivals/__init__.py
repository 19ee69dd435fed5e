"""When requests start: a file for each kind."""

from typing import Annotated

from mmebench.spec.arrivals.arrivals import Arrivals, RateArrivals, RenewalArrivals
from mmebench.spec.arrivals.closed import ClosedLoop
from mmebench.spec.arrivals.constant import ConstantRate
from mmebench.spec.arrivals.poisson import Poisson
from mmebench.spec.arrivals.trace import Trace
from mmebench.spec.kinds import Kinds

ARRIVALS = Kinds[Arrivals](
    "arrivals",
    ClosedLoop,
    ConstantRate,
    Poisson,
    Trace,
)

AnyArrivals = Annotated[Arrivals, ARRIVALS]

__all__ = [
    "ARRIVALS",
    "AnyArrivals",
    "Arrivals",
    "ClosedLoop",
    "ConstantRate",
    "Poisson",
    "RateArrivals",
    "RenewalArrivals",
    "Trace",
]
