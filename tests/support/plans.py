"""What a plan is made from, without a measurement: hardware, fleets and requests for the simulation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mmebench.plan.measured import QUANTILES
from mmebench.plan.simulation import kernel

Floats = npt.NDArray[np.float64]


def middles(count: int = QUANTILES) -> Floats:
    """Of equal parts of a probability."""
    return (np.arange(count) + 0.5) / count


def fixed(seconds: float) -> Floats:
    return np.full(QUANTILES, seconds)


def exponential(mean: float) -> Floats:
    """Its quantiles, so that their mean is as asked for."""
    values = -np.log1p(-middles())
    return np.asarray(values / values.mean() * mean, float)


def hyperexponential(mean: float) -> Floats:
    """Nine in ten are short, and one in ten takes half of all time."""
    short, long = -np.log1p(-middles(922)) * 5 / 9, -np.log1p(-middles(102)) * 5
    values = np.concatenate([short, long])
    return np.asarray(values / values.mean() * mean, float)


def hardware(
    work: Floats,
    load: Floats | float = 1e-9,
    capacity: int = 1000,
    servers: int = 1,
    contention: float = 0.0,
) -> kernel.Hardware:
    """Instances of one kind of model that share ``servers`` among requests; loads take turns."""
    speed = np.empty((65, 9), kernel.SPEED)
    requests, loads = np.indices(speed.shape)
    speed["serving"] = np.minimum(1.0, servers / np.maximum(requests + contention * loads, 1e-9))
    speed["loading"] = 1.0 / np.maximum(loads, 1)
    return kernel.Hardware(
        speed,
        work.reshape(1, 1, -1),
        np.zeros(65, np.int32),
        fixed(load)[None] if isinstance(load, float) else load[None],
        np.array([(1, 0)], kernel.MEMORY),
        capacity,
    )


def fleet(models: int, instances: int = 1, routing: int = kernel.RANDOM, **others: Any) -> kernel.Fleet:
    """Always so many instances, nothing in memory at first."""
    plain = kernel.Fleet(
        np.zeros(models, np.uint8), 0, np.zeros(1), np.array([instances]), routing, 8, 0, filled=False
    )
    return plain._replace(**others)


def steps(*changes: tuple[float, int]) -> dict[str, Any]:
    """Seconds and numbers of instances, for :func:`fleet`."""
    return {
        "step_times": np.array([float(at) for at, _ in changes]),
        "step_counts": np.array([n for _, n in changes]),
    }


def requests(
    times: Sequence[float] | Floats,
    targets: Sequence[int] | npt.NDArray[Any],
    chances: Sequence[int] | npt.NDArray[Any] = (),
) -> npt.NDArray[np.void]:
    """For the simulation; a chance is the quantile of the work."""
    found = np.zeros(len(times), kernel.REQUEST)
    found["time"], found["target"] = times, targets
    if len(chances):
        found["chance"] = chances
    return found


def poisson(count: int, rate: float, seed: int, shares: Floats | None = None) -> npt.NDArray[np.void]:
    """So many at random times, by the shares of models."""
    random = np.random.default_rng(seed)
    shares = np.ones(1) if shares is None else shares
    return requests(
        np.cumsum(random.exponential(1 / rate, count)),
        random.choice(len(shares), count, p=shares),
        random.integers(0, QUANTILES, count),
    )


def zipf(models: int, s: float) -> Floats:
    weights = np.arange(1, models + 1) ** -s
    return np.asarray(weights / weights.sum(), float)
