import numpy as np

from mmebench.figures.latency import SHARES, find_distribution, latency_by_second


def test_latency_by_second_is_of_the_answers_that_came_in_it() -> None:
    end = np.array([100, 200, 900, 1500, 3100, 3200], np.int64) * 1_000_000
    latency = np.array([5, 1, 9, 7, 20, 10], np.int64) * 1_000_000
    rows = latency_by_second(end[::-1], latency[::-1], [0.0, 3.0])
    assert rows["second"].tolist() == [0, 1, 3]
    assert rows["p50_ms"].tolist() == [5, 7, 10]
    assert rows["p99_ms"].tolist() == [9, 7, 20]
    assert rows["stage"].tolist() == ["stage 1", "stage 1", "stage 2"]
    assert latency_by_second(end[:0], latency[:0], [0.0]).empty


def test_answers_in_any_order_are_told_apart_by_second() -> None:
    random = np.random.default_rng(1)
    end, latency = random.integers(0, 5 * 10**9, 4000), random.integers(1, 10**9, 4000)
    rows = latency_by_second(end, latency, [0.0])
    for row in rows.itertuples():
        own = np.sort(latency[end // 10**9 == row.second]) / 1e6
        assert row.p50_ms == own[int(np.ceil(len(own) * 0.5)) - 1].round(3)
        assert row.p99_ms == own[int(np.ceil(len(own) * 0.99)) - 1].round(3)


def test_the_distribution_goes_from_the_smallest_to_p99_9_as_far_as_samples_carry_it() -> None:
    latency = np.random.default_rng(1).permutation(np.arange(1, 1001)) * 1_000_000
    values = find_distribution(latency)
    assert len(values) == len(SHARES)
    assert (SHARES[0], values[0]) == (0, 1)
    assert (SHARES[50], values[50]) == (0.5, 500)
    assert (round(SHARES[-1], 9), values[-1]) == (0.999, 999)
    assert (np.diff(values) >= 0).all()
    few = find_distribution(np.arange(1, 51) * 1_000_000)
    assert few[SHARES.tolist().index(0.98)] == 49
    assert np.isnan(few[-1]), "of fifty there is no p99.9"
