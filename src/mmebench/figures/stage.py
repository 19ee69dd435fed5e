"""The figures of one stage, computed from samples only.

Latency is from the intended start to the last byte, of successes only; failures are counted and never averaged in.
Which samples are the stage's own, :mod:`mmebench.record.own_samples` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mmebench.figures.failures import Failures, count_failures
from mmebench.figures.fairness import jain_index
from mmebench.figures.statistics import (
    NAN,
    Estimate,
    estimate_from_sums,
    estimate_mean,
    estimate_percentiles,
    estimate_rate,
    find_percentiles,
)
from mmebench.record.own_samples import OwnSamples, Reduced, is_open_loop, window_ns
from mmebench.record.run import StageWindow
from mmebench.spec.workload import ModelObjectives

PERCENTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}

BUSY_CLIENT = 0.85
"""Share of a core from which on a client process may itself be what is slow."""
LATE_MS = 5.0
"""The same for the p99 of its event loop's lag, in milliseconds."""
_NOTABLE = 0.05
"""Of the median latency. A lag below this share of it changes no figure that anybody would act on."""

_MS = 1e-6
"""Milliseconds in a nanosecond."""


class Tail(NamedTuple):
    """Two percentiles, in milliseconds."""

    p50: float = NAN
    p99: float = NAN


UNKNOWN = Tail()
_UNKNOWN_SIZE = Estimate()


@dataclass(frozen=True)
class StageSummary:
    """What one stage came to. Latencies are milliseconds; NaN where the samples cannot carry the figure."""

    users: int
    window_seconds: float
    successes: int
    failures: int
    throughput: float
    """Successes per second of the window."""
    mean: float
    minimum: float = NAN
    maximum: float = NAN
    p50: float = NAN
    p90: float = NAN
    p95: float = NAN
    p99: float = NAN
    p99_9: float = NAN
    intervals: Mapping[str, Estimate] = field(default_factory=dict)
    """Of the mean, the percentiles and the throughput, by name."""
    first_byte: Tail = UNKNOWN
    """From the intended start to the first bytes of the answer."""
    cold_starts: int | None = None
    """None where the endpoint does not say."""
    cold: Tail = UNKNOWN
    """Of requests that waited for their target to be loaded; ``warm``: of those that did not."""
    warm: Tail = UNKNOWN
    request_rate: float = NAN
    """Bytes per second that bodies of requests held, those of failures too."""
    response_rate: float = NAN
    request_size: Estimate = _UNKNOWN_SIZE
    """Bytes of the mean body of a request, and ``response_size`` of an answer; of failures too."""
    response_size: Estimate = _UNKNOWN_SIZE
    failed: Failures | None = None
    offered: float = NAN
    """Requests per second that were due in an open loop; NaN in a closed one, which offers what it achieves."""
    not_started: int | None = None
    goodput: float = NAN
    """Successes per second that were answered in good time; NaN where no objective says what that is."""
    goodput_share: float = NAN
    """These as a share of all requests that were due: failures and those never started count as late."""
    littles_law: float = NAN
    """Requests in the system that throughput x mean latency accounts for, over those there were.

    In a closed loop there is one for each user: 1 when every user was always waiting for an answer, less by the
    time users think or the client needs. In an open loop their mean number is counted: 1 when the stage was
    stationary; other than that when a backlog came in from before the window, or was left behind by it.
    """
    fairness_targets: float = NAN
    """Jain's index of how long targets take, each against its kind of model: 1 when all take as long."""
    client_cpu: float | None = None
    loop_lag: float | None = None
    """p99, in milliseconds."""
    own_lag: float | None = None
    """The same without the time for which the client waited for a core."""
    machine_cpu: float | None = None
    machine_stolen: float | None = None
    note: str | None = None

    @property
    def achieved(self) -> float:
        """Throughput over the offered rate."""
        return self.throughput / self.offered if self.offered else NAN

    @property
    def client_limited(self) -> bool | None:
        """Whether the client itself may have been what was slow; None where nobody measured it."""
        if self.client_cpu is None and self.loop_lag is None:
            return None
        own = self.loop_lag if self.own_lag is None else self.own_lag
        return (self.client_cpu or 0) > BUSY_CLIENT or self._is_notable(own)

    @property
    def machine_limited(self) -> bool | None:
        """Whether the client waited for a core of its machine, for so long that latencies hold it."""
        if self.own_lag is None:
            return None
        return not self.client_limited and self._is_notable(self.loop_lag)

    def _is_notable(self, lag: float | None) -> bool:
        """Late, and not by a small share of the latency only."""
        return lag is not None and lag > LATE_MS and not lag < _NOTABLE * self.p50


def summarise_stage(
    stage: StageWindow, samples: pa.Table, objectives: ModelObjectives | None = None
) -> StageSummary:
    """The figures of one stage.

    Args:
        stage: whose window counts.
        samples: at least those that were due or under way in it, with at least the columns that figures need.
        objectives: what says when an answer is in good time: ``goodput.within``, or ``p99`` where only that is
            given.
    """
    own = OwnSamples(stage, len(samples))
    own.add(samples)
    return summarise_own(stage, own.reduce(), objectives)


def summarise_own(stage: StageWindow, own: Reduced, objectives: ModelObjectives | None = None) -> StageSummary:
    """The same of the stage's own samples."""
    seconds, latency = stage.end - stage.ready, own.latency
    successes, failures = len(latency), len(own.failed)
    throughput = successes / seconds if seconds > 0 else NAN
    requests = successes + failures + (stage.not_started or 0)
    goodput, goodput_share = _goodput(latency, requests, seconds, objectives)
    estimates = {"mean": estimate_mean(latency)}
    estimates |= zip(PERCENTILES, estimate_percentiles(latency, tuple(PERCENTILES.values())), strict=True)
    estimates = {name: estimate.scaled(_MS) for name, estimate in estimates.items()}
    # By the same clock as they are counted: an answer that came late was due in time.
    counted_at = np.sort(own.end - own.latency) if is_open_loop(stage) else own.end
    rate = estimate_rate(counted_at, *window_ns(stage)).scaled(1e9)
    present = own.present_ns / max(seconds * 1e9, 1) if is_open_loop(stage) else float(stage.users)
    return StageSummary(
        users=stage.users,
        window_seconds=seconds,
        successes=successes,
        failures=failures,
        throughput=throughput,
        minimum=float(latency.min()) * _MS if successes else NAN,
        maximum=float(latency.max()) * _MS if successes else NAN,
        **{name: estimate.value for name, estimate in estimates.items()},
        intervals=estimates | {"throughput": rate},
        first_byte=_p50_and_p99(own.first_byte[own.first_byte >= 0]),
        cold_starts=int(np.count_nonzero(own.cold)) if own.told else None,
        cold=_p50_and_p99(latency[own.cold]),
        warm=_p50_and_p99(latency[own.warm]),
        request_rate=own.request_bytes.total / seconds if seconds > 0 else NAN,
        response_rate=own.response_bytes.total / seconds if seconds > 0 else NAN,
        request_size=estimate_from_sums(*own.request_bytes, successes + failures),
        response_size=estimate_from_sums(*own.response_bytes, successes + failures),
        failed=count_failures(own.failed) if failures else Failures(),
        offered=_offered(stage, seconds),
        not_started=stage.not_started,
        goodput=goodput,
        goodput_share=goodput_share,
        littles_law=throughput * estimates["mean"].value / 1e3 / present if successes and present else NAN,
        fairness_targets=jain_index(own.target_means),
        client_cpu=stage.client_cpu,
        loop_lag=None if stage.loop_lag_p99 is None else stage.loop_lag_p99 * 1e3,
        own_lag=None if stage.own_lag_p99 is None else stage.own_lag_p99 * 1e3,
        machine_cpu=stage.machine_cpu,
        machine_stolen=stage.machine_stolen,
        note=stage.note,
    )


def _offered(stage: StageWindow, seconds: float) -> float:
    """What was due within the window; the rate asked for where a lost client did not say."""
    if stage.due is not None and seconds > 0:
        return stage.due / seconds
    return NAN if stage.rate is None else stage.rate


def _goodput(
    latency: npt.NDArray[np.int64], requests: int, seconds: float, objectives: ModelObjectives | None
) -> tuple[float, float]:
    """Per second, and as a share of all requests that were due."""
    within = good_within(objectives)
    if within is None:
        return NAN, NAN
    in_time = int(np.count_nonzero(latency <= within * 1e9))
    return in_time / seconds if seconds > 0 else NAN, in_time / requests if requests else NAN


def good_within(objectives: ModelObjectives | None) -> float | None:
    """Seconds within which an answer is in good time."""
    if objectives is None:
        return None
    return objectives.goodput.within if objectives.goodput else objectives.p99


def _p50_and_p99(nanoseconds: npt.NDArray[np.int64]) -> Tail:
    return Tail(*(percentile * _MS for percentile in find_percentiles(nanoseconds, (0.50, 0.99))))
