"""Target tracking: how many instances are wanted, from the requests that those that serve have got."""

import math
from collections import deque

from mmebench.spec.autoscaling import LocalAutoscaling

_CALM = 0.9
"""Of the target: the alarm for removing instances is below that."""


class TargetTracking:
    """Decides as AWS' does, by what its alarms in CloudWatch show: three values above it, or fifteen below.

    How many it adds, AWS says only so far: that it keeps the metric at the target, and removes with caution.
    """

    def __init__(self, scaling: LocalAutoscaling) -> None:
        self._scaling = scaling
        self._values: deque[float] = deque(maxlen=max(scaling.alarm_after, scaling.calm_after))
        self._no_more_before = -math.inf
        self._no_fewer_before = -math.inf

    def wanted(self, now: float, invocations: int, instances: int) -> int:
        """One period more is over.

        Args:
            now: seconds, by any clock.
            invocations: that all instances got in this period.
            instances: how many there are, those on their way included.

        Returns:
            How many there should be.
        """
        scaling = self._scaling
        self._values.append(invocations / instances * 60 / scaling.period)
        values, target = list(self._values), scaling.invocations_per_instance
        needed = min(max(math.ceil(instances * values[-1] / target), scaling.min), scaling.max)
        high, low = values[-scaling.alarm_after :], values[-scaling.calm_after :]
        alarmed = len(high) == scaling.alarm_after and min(high) > target
        calm = len(low) == scaling.calm_after and max(low) < _CALM * target
        if alarmed and needed > instances and now >= self._no_more_before:
            self._no_more_before = now + scaling.scale_out_cooldown
        elif not (calm and needed < instances and now >= self._no_fewer_before):
            return instances
        self._no_fewer_before = now + scaling.scale_in_cooldown
        return needed
