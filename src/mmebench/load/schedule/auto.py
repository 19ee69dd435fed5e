"""What ``profile: auto`` tries next: the load that tells most of the knee and of the largest load that is held.

Users are doubled until more of them bring no more answers. That leaves the knee, the fewest users with nine tenths
of the most answers, between two loads, and likewise the largest load that holds the objectives. What lies between
is tried where a line through both says that it is; throughput over users bends to one side alone, so that the
next line begins nearer. In the end what was found is measured again, for as long as its percentiles take.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mmebench.figures.knee import NEARLY_ALL
from mmebench.spec import Auto, Stage

_PROBE_SECONDS = 20.0
_MORE = 1.05
"""Twice as many users who get less than this many times as many answers get no more."""
_NEAR = 0.1
"""Of the limit: a latency that is less is not followed up to it by users who only wait."""
_KNEE_TOLERANCE = 0.1
_HELD_TOLERANCE = 0.05
"""Loads are tried until they are this close, as a share of the larger one; or a user apart."""


@dataclass(frozen=True)
class Point:
    """What a load came to."""

    rate: float
    """Successes a second."""
    held: bool
    """Whether it holds the objectives; what cannot be judged does not."""
    excess: float = math.nan
    """The latency that is nearest to its limit, or the farthest beyond, over that limit; NaN without limits."""
    clean: bool = True
    """Whether no request failed."""
    precise: bool = False
    """Whether its percentiles are as precise as is wanted."""


Points = Mapping[int, Point]
"""By the number of users."""


def probe(users: int, asked: Auto) -> Stage:
    """A stage that tells throughput and median."""
    return Stage(users=users, duration=min(_PROBE_SECONDS, asked.longest))


class ThoroughStage(Stage):
    """One that goes on until its percentiles are precise, and not its throughput and median alone."""


def next_users(asked: Auto, points: Points, limits: bool) -> int | None:
    """What is to be tried; None when knee and objectives are found.

    Args:
        asked: what is wanted.
        points: what was tried.
        limits: whether the objectives say how long an answer may take.
    """
    if not points:
        return asked.first
    fewest, most = min(points), max(points)
    if most < asked.limit and not _is_enough(points, limits):
        return min(2 * most, asked.limit)
    knee, held = find_knee(points), find_held(points)
    if (held is None or knee is None or knee == fewest) and fewest > 1:
        return fewest // 2
    if knee is not None and (between := _nearer_the_knee(points, knee)) is not None:
        return between
    return _nearer_the_limit(points, held) if limits and held is not None else None


def not_yet_precise(points: Points, limits: bool) -> list[int]:
    """What was found, as far as its percentiles are not as precise as is wanted; each once."""
    found = dict.fromkeys([find_knee(points), find_held(points) if limits else None])
    return [users for users in found if users is not None and not points[users].precise]


def find_knee(points: Points) -> int | None:
    """The fewest users with nine tenths of the most answers; None where requests failed with any number."""
    most = max((point.rate for point in points.values() if point.clean), default=0.0)
    near = [users for users, point in points.items() if point.clean and point.rate >= NEARLY_ALL * most > 0]
    return min(near, default=None)


def find_held(points: Points) -> int | None:
    """The most users who held the objectives, with fewer than missed them."""
    missed = _fewest_missed(points)
    return max((users for users, point in points.items() if point.held and users < missed), default=None)


def _fewest_missed(points: Points) -> float:
    return min((users for users, point in points.items() if not point.held), default=math.inf)


def _is_enough(points: Points, limits: bool) -> bool:
    """Whether more users would tell nothing of knee and objectives."""
    loads = sorted(points)
    last = points[loads[-1]]
    if not last.clean:
        return True
    before = [max(points[users].rate for users in loads[:number]) for number in range(1, len(loads))]
    gained = [points[users].rate > _MORE * most for users, most in zip(loads[1:], before, strict=True)]
    if not gained or gained[-1]:
        return False
    # What waits twice as long at each step, and is far from its limit, would be so for many steps more.
    waits = len(gained) > 1 and not gained[-2]
    return not limits or not last.held or (waits and not last.excess >= _NEAR)


def _nearer_the_knee(points: Points, knee: int) -> int | None:
    """A load between the knee, as far as it is known, and the one before it; None where they are close."""
    below = max((users for users in points if users < knee), default=None)
    if below is None or knee - below <= max(1.0, _KNEE_TOLERANCE * knee):
        return None
    wanted = NEARLY_ALL * max(point.rate for point in points.values() if point.clean)
    low, high = points[below].rate, points[knee].rate
    return _between(below, knee, (wanted - low) / (high - low) if high > low else 0.5)


def _nearer_the_limit(points: Points, held: int) -> int | None:
    """A load between the largest that was held and the smallest that was not; None where they are close."""
    missed = _fewest_missed(points)
    if missed - held <= max(1.0, _HELD_TOLERANCE * missed) or math.isinf(missed):
        return None
    low, high = points[held].excess, points[int(missed)].excess
    known = math.isfinite(low) and math.isfinite(high) and low < 1 < high
    return _between(held, int(missed), (1 - low) / (high - low) if known else 0.5)


def _between(low: int, high: int, share: float) -> int:
    """The whole number that lies this part of the way from one to the other, and is neither."""
    return min(max(low + round(share * (high - low)), low + 1), high - 1)
