"""The compiled simulation, request by request, against the same rules in plain Python."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmebench.plan.simulation import kernel
from support.plans import middles, requests, steps, zipf
from support.slow_fleet import SlowFleet

ROUTINGS = (kernel.RANDOM, kernel.HASHED, kernel.LEAST_OUTSTANDING, kernel.STICKY)
NAMES = ("random", "hashed", "least outstanding", "sticky")
_CHANCES = 2**16
"""So many that no two things take as long, and would end in one order or the other."""


def case(seed: int, routing: int) -> tuple[npt.NDArray[np.void], kernel.Hardware, kernel.Fleet]:
    """A small fleet under heavy load, of which everything is drawn: kinds, sizes, speeds, steps, users."""
    random = np.random.default_rng(seed)
    kinds, models = int(random.integers(1, 4)), int(random.integers(2, 15))
    memory = np.empty(kinds, kernel.MEMORY)
    memory["copy"], memory["shared"] = random.integers(1, 6, kinds), random.integers(0, 4, kinds)
    largest = int((memory["copy"] + memory["shared"]).max())
    speed = np.empty((int(random.integers(2, 8)), int(random.integers(2, 5))), kernel.SPEED)
    speed["serving"], speed["loading"] = random.uniform(0.1, 1, speed.shape), random.uniform(0.1, 1, speed.shape)
    levels = int(random.integers(1, 4))
    spread = -np.log1p(-middles(_CHANCES))
    hardware = kernel.Hardware(
        speed,
        random.uniform(0.01, 0.1, (kinds, levels, 1)) * spread + 1e-3,
        np.sort(random.integers(0, levels, 6)).astype(np.int32),
        random.uniform(0.05, 0.5, (kinds, 1)) * spread + 1e-3,
        memory,
        largest + int(random.integers(0, 20)),
        int(random.choice([1, 2, 100])),
    )
    counts = random.integers(1, 5, int(random.choice([1, 1, 2, 3])))
    fleet = kernel.Fleet(
        random.integers(0, kinds, models).astype(np.uint8),
        pinned=int(random.integers(0, 2)),
        routing=routing,
        busy=int(random.integers(1, 5)),
        users=int(random.choice([0, 0, 3, 9])),
        filled=False,
        **steps(*zip(np.sort([0.0, *random.uniform(0, 10, len(counts) - 1)]), counts, strict=True)),
    )
    count = int(random.integers(1, 150))
    return (
        requests(
            np.cumsum(random.exponential(random.choice([0.01, 0.05, 0.2]), count)),
            random.choice(models, count, p=zipf(models, float(random.uniform(0, 1.5)))),
            random.integers(0, _CHANCES, count),
        ),
        hardware,
        fleet,
    )


@pytest.mark.parametrize("routing", ROUTINGS, ids=NAMES)
@settings(max_examples=250, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_every_request_is_served_as_the_rules_say(routing: int, seed: int) -> None:
    asked, hardware, fleet = case(seed, routing)
    slow = SlowFleet(asked.copy(), hardware, fleet)
    slow.run()
    assert kernel.simulate(asked, hardware, fleet)
    assert slow.most_used <= hardware.budget
    if fleet.pinned == 0 and len(fleet.step_counts) == 1:
        assert not np.isnan(asked["latency"]).any(), "nobody waits for ever"
    np.testing.assert_array_equal(asked["cold"], slow.cold)
    np.testing.assert_allclose(asked["started"], slow.started, rtol=1e-6)
    np.testing.assert_allclose(asked["latency"], slow.latency, rtol=1e-4, atol=1e-6)
