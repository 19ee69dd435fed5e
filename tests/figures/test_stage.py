import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mmebench.figures.failures import Failures
from mmebench.figures.stage import StageSummary, summarise_stage
from mmebench.record.run import StageWindow
from mmebench.spec import Goodput, Objectives
from support.samples import Sample, sample_table


def summarise(samples: list[Sample], objectives: Objectives | None = None, **window: Any) -> StageSummary:
    stage = StageWindow(**{"users": 1, "start": 0, "ready": 0, "end": 1} | window)
    return summarise_stage(stage, sample_table(samples), objectives)


def test_only_the_window_counts() -> None:
    samples = [Sample(900, 999), Sample(990, 1010), Sample(1900, 1990), Sample(1950, 2000)]
    summary = summarise(samples, ready=1, end=2)
    assert summary.successes == 2
    assert summary.throughput == pytest.approx(2)
    assert summary.mean == pytest.approx((20 + 90) / 2)
    assert (summary.minimum, summary.maximum) == (20, 90)


def test_an_open_loop_counts_what_was_due_in_the_window() -> None:
    samples = [Sample(900, 1010), Sample(1000, 1020), Sample(1900, 5000), Sample(2000, 2010)]
    summary = summarise(samples, ready=1, end=2, rate=3, due=3, not_started=1)
    assert (summary.successes, summary.not_started) == (2, 1)
    assert (summary.minimum, summary.maximum) == (20, 3100)
    assert summary.offered == 3
    assert summary.achieved == pytest.approx(2 / 3)


def test_the_interval_of_an_open_loops_throughput_is_around_it() -> None:
    """Due every 10 ms, answered 2 s later: what was due before the window does not count, though it ends in it."""
    samples = [Sample(10 * n, 10 * n + 2000) for n in range(2000)]
    summary = summarise(samples, ready=5, end=20, rate=100, due=1500)
    low, high = summary.intervals["throughput"].low, summary.intervals["throughput"].high
    assert summary.throughput == pytest.approx(100)
    assert low <= 100 <= high
    assert high - low < 1


def test_a_trace_is_an_open_loop_too() -> None:
    summary = summarise([Sample(900, 1010), Sample(1000, 1020), Sample(1999, 9000)], ready=1, end=2, due=2)
    assert (summary.successes, summary.offered, summary.achieved) == (2, 2, 1)


def test_a_closed_loop_offers_what_it_achieves() -> None:
    summary = summarise([Sample(0, 10)])
    assert math.isnan(summary.offered)
    assert math.isnan(summary.achieved)


def test_failures_are_counted_and_never_averaged() -> None:
    samples = [Sample(0, 10), Sample(0, 500, "ModelError", status=424), Sample(10, 30)]
    summary = summarise(samples, users=2)
    assert (summary.successes, summary.failures) == (2, 1)
    assert summary.mean == pytest.approx(15)
    assert summary.throughput == pytest.approx(2)


def test_each_failure_is_of_one_kind() -> None:
    kinds = [
        (429, "ThrottlingException"), (424, "ModelError"), (424, "ModelError"), (400, "ValidationError"),
        (404, "HTTP 404"), (500, "InternalFailure"), (503, "ServiceUnavailable"), (507, "HTTP 507"),
        (0, "ReadTimeout"), (200, "ReadTimeout"), (0, "ConnectTimeout"), (0, "ConnectionRefusedError"),
        (0, "ProtocolError"), (200, "ConnectionClosed"), (302, "HTTP 302"),
    ]  # fmt: skip
    summary = summarise([Sample(0, 10), *(Sample(0, 10, error, status=status) for status, error in kinds)])
    assert summary.failed == Failures(
        status_429=1,
        status_424=2,
        status_4xx=2,
        status_5xx=3,
        timeouts=3,
        connection_errors=3,
        other_failures=1,
    )
    assert (summary.successes, summary.failures) == (1, len(kinds))


def test_a_stage_without_a_success_has_no_latency() -> None:
    summary = summarise([Sample(0, 10, "ReadTimeout", status=0)])
    assert (summary.successes, summary.failures, summary.throughput) == (0, 1, 0)
    for figure in (summary.mean, summary.p50, summary.first_byte.p50, summary.littles_law, summary.minimum):
        assert math.isnan(figure)


def test_a_stage_without_a_sample() -> None:
    for summary in (summarise([]), summarise([Sample(0, 10)], ready=1, end=1), summarise([], rate=5, due=5)):
        assert (summary.successes, summary.failures) == (0, 0)
        assert math.isnan(summary.mean)


def test_cold_and_warm_are_told_apart_where_the_endpoint_tells() -> None:
    samples = [Sample(0, 10, cold=False), Sample(10, 2000, cold=True), Sample(2000, 5000, cold=True), Sample(0, 7)]
    told = summarise(samples, end=10)
    assert told.cold_starts == 2
    assert told.cold.p50 == 1990
    assert math.isnan(told.warm.p50), "one value carries no median"
    untold = summarise([Sample(0, 10), Sample(0, 10), Sample(0, 10)], end=10)
    assert untold.cold_starts is None
    assert math.isnan(untold.warm.p50)


def test_warm_percentiles_leave_cold_starts_out() -> None:
    samples = [Sample(at, at + 5, cold=False) for at in range(200)]
    samples += [Sample(at, at + 900, cold=True) for at in range(200)]
    summary = summarise(samples, end=10)
    assert (summary.warm.p50, summary.warm.p99) == (5, 5)
    assert (summary.cold.p50, summary.cold.p99) == (900, 900)
    assert (summary.p50, summary.p99) == (5, 900)


def test_first_byte_counts_from_the_intended_start() -> None:
    samples = [Sample(at, at + 30, first_byte=at + 12) for at in range(100)]
    failed = Sample(0, 500, "ModelError", status=424, first_byte=400)
    summary = summarise([*samples, Sample(0, 20), failed])
    assert (summary.first_byte.p50, summary.first_byte.p99) == (12, 12)


def test_bytes_of_failures_were_sent_too() -> None:
    failed = Sample(0, 20, "ModelError", status=424, request_bytes=100, response_bytes=30)
    summary = summarise([Sample(0, 10, request_bytes=500, response_bytes=50), failed], end=2)
    assert (summary.request_rate, summary.response_rate) == (300, 40)


@pytest.mark.parametrize(
    ("objectives", "good"),
    [
        (Objectives(p99=0.02), 2),
        (Objectives(goodput=Goodput(within=0.015, share=0.9)), 1),
        (Objectives(p99=0.02, goodput=Goodput(within=0.015, share=0.9)), 1),
    ],
)
def test_goodput_is_what_was_answered_in_good_time(objectives: Objectives, good: int) -> None:
    samples = [Sample(0, 10), Sample(0, 20), Sample(0, 21), Sample(0, 5, "ModelError", status=424)]
    summary = summarise(samples, objectives, end=2)
    assert (summary.goodput, summary.goodput_share) == (good / 2, good / 4)
    never_started = summarise(samples, objectives, end=2, due=8, not_started=4)
    assert never_started.goodput_share == good / 8
    for without in (None, Objectives(failures=0)):
        assert math.isnan(summarise(samples, without).goodput)


def test_littles_law_of_users_who_always_wait() -> None:
    samples = [Sample(start, start + 20.0) for start in range(0, 9980, 20) for _ in range(3)]
    assert summarise(samples, users=3, end=10).littles_law == pytest.approx(1, abs=0.01)


def test_littles_law_of_an_open_loop_sees_a_backlog() -> None:
    steady = [Sample(at, at + 50) for at in range(0, 10_000, 10)]
    assert summarise(steady, users=100, ready=1, end=9, rate=100, due=800).littles_law == pytest.approx(1)
    growing = [Sample(at, 2 * at) for at in range(0, 10_000, 10)]
    assert summarise(growing, users=999, ready=1, end=9, rate=100, due=800).littles_law > 1.1


def test_intervals_hold_whatever_order_client_processes_sent_in() -> None:
    """Two processes, one of which sends all it has at the end; a server that slows down and recovers."""
    random = np.random.default_rng(0)
    at = np.sort(random.random(20_000) * 20_000)
    samples = [Sample(start, start + 20 + 15 * math.sin(start / 1500)) for start in at.tolist()]
    ordered = summarise(sorted(samples, key=lambda sample: sample.end), end=30)
    late = summarise([*samples[::2], *samples[1::2]], end=30)
    for name in ("mean", "p50"):
        assert late.intervals[name] == ordered.intervals[name]
    assert ordered.intervals["mean"].high - ordered.intervals["mean"].low > 2, "the slow waves are seen"


@pytest.mark.parametrize(
    ("cpu", "lag", "limited"),
    [
        (None, None, None),
        (0.2, 0.001, False),
        (0.9, 0.001, True),
        (0.2, 0.006, True),
        (0.2, None, False),
        (0.85, 0.005, False),
    ],
)
def test_a_client_that_was_the_bottleneck_is_marked(
    cpu: float | None, lag: float | None, limited: bool | None
) -> None:
    assert summarise([Sample(0, 10)], client_cpu=cpu, loop_lag_p99=lag).client_limited is limited


@pytest.mark.parametrize(
    ("own", "milliseconds", "who"),
    [
        (0.0001, 50, "machine"),
        (0.006, 50, "client"),
        (0.0001, 500, None),  # 20 ms are 4 % of the median latency
        (0.02, 500, None),
        (None, 50, "client"),
    ],
)
def test_the_client_is_told_from_its_machine(own: float | None, milliseconds: int, who: str | None) -> None:
    """The loop was 20 ms late."""
    summary = summarise([Sample(0, milliseconds)] * 3, client_cpu=0.03, loop_lag_p99=0.02, own_lag_p99=own)
    found = {"client": summary.client_limited, "machine": summary.machine_limited}
    assert [name for name, limited in found.items() if limited] == ([] if who is None else [who])


def test_dictionaries_may_differ_from_batch_to_batch() -> None:
    parts = [sample_table([Sample(0, 10, error, status=status)]) for status, error in ((424, "A"), (503, "B"))]
    summary = summarise_stage(StageWindow(users=1, start=0, ready=0, end=1), pa.concat_tables(parts))
    assert summary.failed == Failures(status_424=1, status_5xx=1)
