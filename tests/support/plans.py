"""What a plan is made from, without a measurement: hardware, fleets, requests, and questions."""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from mmebench.plan.demand import demand_of
from mmebench.plan.measured import QUANTILES, Kind, Level, Measured, Memory
from mmebench.plan.option import Question
from mmebench.plan.simulation import kernel
from mmebench.spec import Objectives
from mmebench.spec.planning import Planning

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


ONE_KIND = (Kind("", 1.0, 1.0, ()),)


def lognormal(mean: float, variation: float) -> Floats:
    """Quantiles of one whose standard deviation is so large a part of its mean."""
    normal = np.array([NormalDist().inv_cdf(each) for each in middles()])
    values = np.exp(np.sqrt(np.log1p(variation**2)) * normal)
    return np.asarray(values / values.mean() * mean, float)


def measured(
    service: float = 0.02,
    servers: float = 4.0,
    load: float = 1.0,
    fits: int = 10,
    variation: float = 0.3,
    **others: Any,
) -> Measured:
    """An instance that was measured with 1, 2, 4, 8 and 16 users, and serves ``servers`` of them at once."""
    levels = []
    for users in (1, 2, 4, 8, 16):
        rate = min(users, servers + (users > servers) * 0.1) / service
        levels.append(Level(float(users), rate, lognormal(users / rate, variation)[None]))
    return Measured(
        **{
            "name": "local*onnx*10",
            "instance_type": "ml.test",
            "platform": "onnx",
            "usd_per_hour": 1.0,
            "price_source": "a test",
            "kinds": ONE_KIND,
            "levels": tuple(levels),
            "loads": lognormal(load, 0.2)[None],
            "load_seconds": {1: load},
            "contention": 1.0,
            "memory": (Memory(1.0),),
            "budget": float(fits),
            "holds_more": False,
            "loads_at_once": None,
            "evicting": True,
            "as_loaded": 1.0,
            "sure": {"memory": (0.97, 1.03), "throughput": (0.98, 1.02), "loads": (0.9, 1.1)},
            **others,
        }
    )


def question(of: Measured, p99: float = 0.5, **planning: Any) -> Question:
    """1,000 models by Zipf's law at 50 requests/s, unless told."""
    asked = Planning.model_validate({"models": 1000, "traffic": "zipf:1,50"} | planning)
    return Question(of, demand_of(asked, of.kinds), asked, Objectives(p99=p99), "resnet18")


def random_question(seed: int) -> Question:
    """A fleet as it might be: fast or slow, small or large, with an objective that is hard or easy to hold."""
    random = np.random.default_rng(seed)

    def between(low: float, high: float) -> float:
        return float(np.exp(random.uniform(np.log(low), np.log(high))))

    load, fits = between(0.3, 6), int(random.integers(5, 60))
    together = {1: load}
    if random.random() < 0.5:
        together |= {2: load * random.uniform(1, 2), 4: load * random.uniform(2, 4)}
    one = measured(
        service=between(0.005, 0.06),
        servers=float(random.integers(1, 5)),
        load=load,
        fits=fits,
        variation=random.uniform(0.1, 0.6),
        load_seconds=together,
        contention=float(random.choice([0, 0.5, 1, 2])),
    )
    quick = float(np.quantile(one.levels[0].latency, 0.99))
    return question(
        one,
        p99=quick * random.choice([2, 4, 10]) + random.choice([0, load * random.uniform(0.3, 1.5)]),
        models=int(between(fits, 2000)),
        traffic={"kind": "zipf", "s": random.uniform(0.3, 1.4), "rate": between(2, 200)},
    )


def check_briefly() -> None:
    """A minute's requests check a plan on an endpoint as nearly as a test looks."""
    import mmebench.plan.check

    mmebench.plan.check._REQUESTS = 200
