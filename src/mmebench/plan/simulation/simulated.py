"""The plan simulated: the same prediction as the computed one, from requests that are served one by one."""

import numpy as np

from mmebench.plan.analytic import loading, utilisation
from mmebench.plan.demand import Demand
from mmebench.plan.measured import Measured
from mmebench.plan.prediction import Prediction
from mmebench.plan.simulation import kernel
from mmebench.plan.station import contention_of, hardware_of
from mmebench.spec.planning import Planning

ROUTING = {
    "random": kernel.RANDOM,
    "hashed": kernel.HASHED,
    "least_outstanding": kernel.LEAST_OUTSTANDING,
    "sticky": kernel.STICKY,
}
_FEWEST, _MOST = 200_000, 2_000_000
_TURNS = 20
"""So many requests for each copy that there is room for bring memory to what it is in the long run."""
_BACKLOG = 0.05
"""With more of the requests not yet answered when the last one comes, the backlog grows without end."""


def fleet_of(demand: Demand, planning: Planning, instances: int) -> kernel.Fleet:
    """As the simulation has it: always so many instances, and the most popular models in memory at first."""
    return kernel.Fleet(
        kinds=demand.kinds,
        pinned=planning.pinned,
        step_times=np.zeros(1),
        step_counts=np.array([instances]),
        routing=ROUTING[planning.routing],
        busy=planning.busy,
        users=0,
        filled=True,
    )


def how_many(measured: Measured, demand: Demand, instances: int) -> int:
    """Requests that tell what it is like in the long run."""
    room = min(instances * measured.budget / min(each.copy for each in measured.memory), demand.models)
    return int(min(max(_FEWEST, _TURNS * room), _MOST))


def simulate(measured: Measured, demand: Demand, planning: Planning, instances: int) -> Prediction:
    """How requests go on so many instances."""
    requests = demand.requests(how_many(measured, demand, instances), planning.seed)
    hardware = hardware_of(measured, contention_of(measured, planning.contention))
    done = kernel.simulate(requests, hardware, fleet_of(demand, planning, instances))
    seen = requests[demand.looked_at(len(requests))]
    # Those that nobody ever answers, as memory is full of what is pinned, are late, too.
    late = np.count_nonzero(~(seen["started"] + seen["latency"] <= requests["time"][-1]))
    keeps_up = done and late <= _BACKLOG * len(seen)
    seen = seen[~np.isnan(seen["latency"])]
    seconds = float(seen["started"][-1] - seen["started"][0]) if len(seen) > 1 else 1.0
    loads = float(np.count_nonzero(seen["cold"] == kernel.BEGAN_A_LOAD)) / seconds
    return Prediction(
        instances=instances,
        keeps_up=keeps_up,
        requests_per_s=len(seen) / seconds,
        latency=seen["latency"].astype(np.float64),
        cold=seen["cold"] > 0,
        kind=demand.kinds[seen["target"]],
        loads_per_s=loads,
        utilisation=utilisation(measured, demand, instances),
        loading=loading(measured, loads, instances),
    )
