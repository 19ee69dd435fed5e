import numpy as np

from mmebench.results.latency import latency_by_second


def test_latency_by_second_is_of_the_answers_that_came_in_it() -> None:
    end = np.array([100, 200, 900, 1500, 3100, 3200], np.int64) * 1_000_000
    latency = np.array([5, 1, 9, 7, 20, 10], np.int64) * 1_000_000
    rows = latency_by_second(end[::-1], latency[::-1], [0.0, 3.0])
    assert rows["second"].tolist() == [0, 1, 3]
    assert rows["p50_ms"].tolist() == [5, 7, 10]
    assert rows["p99_ms"].tolist() == [9, 7, 20]
    assert rows["stage"].tolist() == ["stage 1", "stage 1", "stage 2"]
    assert latency_by_second(end[:0], latency[:0], [0.0]).empty
