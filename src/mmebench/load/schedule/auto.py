"""What ``profile: auto`` tries next: the load that tells most of the knee and of the largest load that is held.

Users are doubled until more of them bring no more answers. From there on they only wait, twice as long where there
are twice as many (Little's law), which says how many meet the limit: those are tried next. The knee, the fewest
users with nine tenths of the most answers, and the largest load that holds the objectives then lie between two
loads each. What lies between is tried where a line through both says that it is; throughput over users bends to
one side alone, so that the next line begins nearer. A latency as close to its limit as it is precise is close
enough. What turns out to be looked for goes on for as long as its percentiles take, or is measured again.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from mmebench.figures.knee import NEARLY_ALL, first_near_most
from mmebench.spec import Auto, Stage

_PROBE_SECONDS = (10.0, 20.0)
"""At least, unless all is known sooner, and at most where the rate is not known yet."""
_PROBE_ANSWERS = 400
"""More tell throughput and median no better: what is left is how unsteady the machine is."""
_MORE, _MANY_MORE = 1.1, 1.5
"""Who get less than so many times as many answers as so many times fewer users only wait."""
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
    """Whether it holds the objectives; where there are too few answers to judge, whether it seems to."""
    excess: float = math.nan
    """The latency that is nearest to its limit, or the farthest beyond, over that limit; NaN without limits."""
    rate_high: float = math.nan
    """The upper bound of the rate's interval, and that of ``excess``; NaN where it is not known."""
    excess_high: float = math.nan
    clean: bool = True
    """Whether no request failed."""
    precise: bool = False
    """Whether its percentiles are as precise as is wanted, or as they become within the longest stage."""


Points = Mapping[int, Point]
"""By the number of users."""


class ProbeStage(Stage):
    """One that tells throughput and median, and goes on where its load is what is looked for."""

    after: dict[int, Point]
    """What was known when it began."""

    def longer(self, point: Point, asked: Auto, limits: bool) -> "ThoroughStage | None":
        """What becomes of it where it came to ``point``, if its load is then the knee, or the largest held."""
        points = {**self.after, self.concurrency: point}
        if next(_steps_up(asked, points, limits), None) is not None:
            return None
        knee, held = find_knee(points), find_held(points)
        is_knee = self.concurrency == knee and next(_steps_to_knee(points, knee), None) is None
        is_held = self.concurrency == held and next(_steps_to_limit(asked, points, held, limits), None) is None
        found = is_knee or (limits and is_held)
        return ThoroughStage(users=self.concurrency, duration=asked.longest) if found else None


class ThoroughStage(Stage):
    """One that goes on until its percentiles are precise, and not its throughput and median alone."""


def probe(users: int, asked: Auto, points: Points) -> ProbeStage:
    """A stage after those that told ``points``."""
    shortest, seconds = _PROBE_SECONDS
    if (rate := max((point.rate for point in points.values()), default=0.0)) > 0:
        seconds = max(math.ceil(_PROBE_ANSWERS / rate), shortest)
    return ProbeStage(users=users, duration=min(seconds, asked.longest), after=dict(points))


def next_users(asked: Auto, points: Points, limits: bool) -> int | None:
    """What is to be tried; None when knee and objectives are found.

    Args:
        asked: what is wanted.
        points: what was tried.
        limits: whether the objectives say how long an answer may take.
    """
    if not points:
        return asked.first
    knee, held = find_knee(points), find_held(points)
    steps = (_steps_up(asked, points, limits), _steps_to_knee(points, knee))
    return next(chain(*steps, _steps_to_limit(asked, points, held, limits)), None)


def not_yet_precise(points: Points, limits: bool) -> list[int]:
    """What was found, as far as its percentiles are not as precise as is wanted; each once."""
    found = dict.fromkeys([find_knee(points), find_held(points) if limits else None])
    return [users for users in found if users is not None and not points[users].precise]


def find_knee(points: Points) -> int | None:
    """The fewest users with nine tenths of the most answers, as :func:`mmebench.figures.knee.find_knee` has it.

    None where requests failed with any number.
    """
    clean = sorted(users for users, point in points.items() if point.clean)
    first = first_near_most([points[users].rate for users in clean], [points[users].rate_high for users in clean])
    return None if first is None else clean[first]


def find_held(points: Points) -> int | None:
    """The most users who held the objectives, with fewer than missed them."""
    missed = min((users for users, point in points.items() if not point.held), default=math.inf)
    return max((users for users, point in points.items() if point.held and users < missed), default=None)


# Each gives the next load that is to be tried, if there is one.


def _steps_up(asked: Auto, points: Points, limits: bool) -> Iterator[int]:
    """Until more users would tell nothing of knee and objectives."""
    most = max(points)
    last, waiting = points[most], _waiting(points)
    if most >= asked.limit or not last.clean:
        return
    if not waiting:
        yield min(2 * most, asked.limit)
    elif limits and last.held and not _is_at_limit(last, asked):
        if last.excess >= _NEAR:
            yield min(max(round(most / last.excess), most + 1), asked.limit)
        elif waiting == 1:  # what waits ever longer and is far from its limit would be so for many steps more
            yield min(2 * most, asked.limit)


def _steps_to_knee(points: Points, knee: int | None) -> Iterator[int]:
    """Between the knee, as far as it is known, and the load before it, until they are close."""
    fewest = min(points)
    if knee is None or knee == fewest:
        if fewest > 1:
            yield fewest // 2
        return
    below = max(users for users in points if users < knee)
    if knee - below > max(1.0, _KNEE_TOLERANCE * knee):
        wanted = NEARLY_ALL * max(point.rate for point in points.values() if point.clean)
        low, high = points[below].rate, points[knee].rate
        yield _between(below, knee, (wanted - low) / (high - low) if high > low else 0.5)


def _steps_to_limit(asked: Auto, points: Points, held: int | None, limits: bool) -> Iterator[int]:
    """Between the largest load that was held and the smallest that was not, until they are close."""
    if held is None:
        if min(points) > 1:
            yield min(points) // 2
        return
    missed = min((users for users, point in points.items() if not point.held), default=0)
    if not limits or not missed or _is_at_limit(points[held], asked):
        return
    if missed - held > max(1.0, _HELD_TOLERANCE * missed):
        low, high = points[held].excess, points[missed].excess
        known = math.isfinite(low) and math.isfinite(high) and low < 1 < high
        yield _between(held, missed, (1 - low) / (high - low) if known else 0.5)


def _is_at_limit(point: Point, asked: Auto) -> bool:
    """Whether its latency is as close to the limit as it is known, or as it needs to be known."""
    return point.excess >= 1 - 2 * asked.precision or point.excess_high >= 1


def _waiting(points: Points) -> int:
    """How many of the largest loads brought no more answers than what was smaller."""
    loads = sorted(points, reverse=True)
    return next((number for number, users in enumerate(loads) if _gains(users, points)), len(loads))


def _gains(users: int, points: Points) -> bool:
    """Whether they get more answers than far fewer did; what is hardly more tells little of that beside noise."""
    fewer = [point.rate for few, point in points.items() if few * _MANY_MORE <= users]
    return not fewer or points[users].rate > _MORE * max(fewer)


def _between(low: int, high: int, share: float) -> int:
    """The whole number that lies this part of the way from one to the other, and is neither."""
    return min(max(low + round(share * (high - low)), low + 1), high - 1)
