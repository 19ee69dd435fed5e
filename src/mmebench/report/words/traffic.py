"""What a trace is like, in sentences."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from mmebench.figures.traffic import LOOKED_AT, Traffic
from mmebench.units import counted, human_number, human_seconds

_TOP = 10
_SINCE_1970 = 1e8
"""Smaller numbers count from some other zero: this is 1973."""
_ROOMS = (0.5, 0.9, 0.99)
"""Hit ratios of which it is said what they take."""


def describe_traffic(traffic: Traffic) -> tuple[str, ...]:
    """Rates, popularity, bursts, and how many targets must be in memory for how many hits."""
    return tuple(_sentences(traffic))


def _sentences(traffic: Traffic) -> Iterator[str]:
    rate = "" if math.isnan(traffic.mean) else f": {human_number(traffic.mean)} a second"
    yield (
        f"{counted(traffic.requests, 'request')} for {counted(traffic.targets, 'target')} in "
        f"{human_seconds(round(traffic.seconds))}"
        f"{rate}{_peak(traffic)}."
    )
    yield from _popularity(traffic)
    if traffic.dispersion:
        told = ", ".join(
            f"{human_number(found)} in {human_seconds(at)}" for at, found in traffic.dispersion.items()
        )
        yield f"Variance of counts over their mean: {told}; 1 is of requests that know nothing of each other."
    yield from _rooms(traffic)


def _peak(traffic: Traffic) -> str:
    if math.isnan(traffic.peak):
        return ""
    since = traffic.peak_at >= _SINCE_1970
    when = f" from {datetime.fromtimestamp(traffic.peak_at, UTC):%Y-%m-%d %H:%M} UTC on" if since else ""
    times = f"{traffic.peak / traffic.mean:.3g} times as many"
    return f", in the busiest minute{when} {human_number(traffic.peak)}, {times}"


def _popularity(traffic: Traffic) -> Iterator[str]:
    if traffic.targets < 2:
        return
    zipf = traffic.zipf
    bounds = "" if math.isnan(zipf.s.low) else f" ({zipf.s.low:.2f} to {zipf.s.high:.2f} over time)"
    yield (
        f"Popularity: Zipf {zipf.s.value:.2f}{bounds}, off by {100 * zipf.off:.1f} points at most; "
        f"popularity: {{kind: zipf, s: {max(zipf.s.value, 0):.2f}}} asks so."
    )
    if traffic.targets > _TOP:
        top = traffic.counts[:_TOP].sum() / traffic.requests
        yield (
            f"The {_TOP} targets that are asked for most get {top:.0%} of the requests; {traffic.once:.0%} of the "
            "targets are asked for only once."
        )


def _rooms(traffic: Traffic) -> Iterator[str]:
    """For as many of the hits as there can be."""
    most = float(traffic.hits[-1])
    parts = [
        f"{int((traffic.hits >= share * most).argmax()) + 1:,} for {share:.0%}" for share in _ROOMS if most > 0
    ]
    if parts:
        of = f" of the last {LOOKED_AT:,} requests" if traffic.requests > LOOKED_AT else ""
        yield (
            f"With the least recently used evicted, at most {most:.1%}{of} find their target in memory; that "
            f"takes room for this many targets: {', '.join(parts)} of it."
        )
