"""What a trace is like."""

from collections import OrderedDict

import numpy as np
import pytest

from mmebench.figures.traffic import describe, hit_ratios


def lru_hits(targets: list[int], room: int) -> float:
    """By a cache, request by request."""
    held: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for target in targets:
        hits += target in held
        held[target] = None
        held.move_to_end(target)
        if len(held) > room:
            held.popitem(last=False)
    return hits / len(targets)


@pytest.mark.parametrize("seed", range(5))
def test_hit_ratios_are_those_of_a_cache(seed: int) -> None:
    random = np.random.default_rng(seed)
    targets = np.minimum(random.zipf(1.3, 700) - 1, 40)
    targets = np.unique(targets, return_inverse=True)[1]
    found = hit_ratios(targets)
    assert len(found) >= targets.max() + 1
    for room in (1, 2, 5, 13, int(targets.max()) + 1):
        assert found[room - 1] == pytest.approx(lru_hits(targets.tolist(), room))


def test_hit_ratios_of_what_is_asked_in_turns_are_none_until_all_fit() -> None:
    assert hit_ratios([0, 1, 2] * 10).tolist() == pytest.approx([0, 0, 27 / 30])
    assert hit_ratios([0, 0, 0, 0]).tolist() == pytest.approx([0.75])


@pytest.mark.parametrize("s", [0.0, 0.8, 1.2])
def test_zipf_is_found_with_its_interval(s: float) -> None:
    random = np.random.default_rng(3)
    shares = np.arange(1, 201) ** -s
    targets = random.permutation(200)[random.choice(200, 100_000, p=shares / shares.sum())]
    traffic = describe(np.sort(random.uniform(0, 10_000, 100_000)), targets)
    found = traffic.zipf.s
    assert found.value == pytest.approx(s, abs=0.05), "a little more, as ranks are the trace's own"
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.1
    assert traffic.zipf.off < 0.02
    assert traffic.counts.sum() == traffic.requests == 100_000
    assert (np.diff(traffic.counts) <= 0).all()


def test_what_is_no_zipf_is_off() -> None:
    random = np.random.default_rng(1)
    hot, cold = random.integers(0, 10, 50_000), random.integers(10, 1000, 50_000)
    hot = np.where(random.uniform(size=50_000) < 0.9, hot, cold)
    codes = np.unique(hot, return_inverse=True)[1]
    assert describe(np.arange(50_000.0), codes).zipf.off > 0.1


def test_bursts_are_told_from_independent_requests() -> None:
    random = np.random.default_rng(2)
    independent = np.sort(random.uniform(0, 5000, 50_000))
    calm = describe(independent, np.zeros(50_000, np.int64))
    assert calm.dispersion[1.0] == pytest.approx(1, abs=0.1)
    bursts = describe(np.sort(np.repeat(random.uniform(0, 5000, 5000), 10)), np.zeros(50_000, np.int64))
    assert bursts.dispersion[1.0] == pytest.approx(10, rel=0.15)
    assert set(bursts.dispersion) == {1.0, 10.0, 60.0}, "of ten minutes there are too few"
    even = describe(np.arange(0, 1000, 0.1), np.zeros(10_000, np.int64))
    assert even.dispersion[1.0] < 0.01


def test_rates_and_peak() -> None:
    times = np.concatenate([np.arange(0, 600, 1.0), np.arange(600, 660, 0.1), np.arange(660, 1201, 1.0)])
    traffic = describe(times, np.arange(len(times)) % 7)
    assert traffic.seconds == 1200
    assert traffic.mean == pytest.approx(len(times) / 1200)
    assert (traffic.peak, traffic.peak_at) == (10, 600)
    assert traffic.bin_seconds == 10
    assert traffic.rates.max() == 10
    assert traffic.once == 0
    alone = describe(np.array([5.0]), np.array([0]))
    assert alone.requests == alone.targets == 1
    assert alone.once == 1
    assert np.isnan(alone.mean)
