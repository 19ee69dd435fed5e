"""What Application Auto Scaling does on AWS, and moto does not: instances follow the requests of an endpoint."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from moto.backends import get_backend

from support import cloud

COMES_UP = 12.0
"""Seconds until an instance serves that was asked for."""
_LOOK, _PERIOD = 0.2, 6.0


@contextmanager
def scaled_by_requests(served: Counter[str]) -> Iterator[None]:
    """Have endpoints of this process' moto follow their policies.

    Args:
        served: how many requests each endpoint has had, by name.
    """
    over = threading.Event()
    thread = threading.Thread(target=_follow, args=(served, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _follow(served: Counter[str], over: threading.Event) -> None:
    """One instance more where each would get more than the target value, by the last seconds."""
    scaling = get_backend("applicationautoscaling")[cloud.ACCOUNT]["us-east-1"]
    sagemaker = get_backend("sagemaker")[cloud.ACCOUNT]["us-east-1"]
    since: dict[str, tuple[float, int]] = {}
    asked: dict[str, float] = {}
    while not over.wait(_LOOK):
        now = time.monotonic()
        for policy in list(scaling.policies.values()):
            name = policy.resource_id.split("/")[1]
            (variant,) = sagemaker.endpoints[name].production_variants
            if variant["DesiredInstanceCount"] > variant["CurrentInstanceCount"]:
                if now - asked[name] > COMES_UP:
                    variant["CurrentInstanceCount"] = variant["DesiredInstanceCount"]
                continue
            began, had = since.setdefault(name, (now, served[name]))
            if now - began < _PERIOD:
                continue
            since[name] = (now, served[name])
            a_minute = (served[name] - had) / (now - began) * 60
            target = (policy.target_tracking_scaling_policy_configuration or {})["TargetValue"]
            most = scaling.targets[policy.scalable_dimension][policy.resource_id].max_capacity
            if a_minute / variant["CurrentInstanceCount"] > target and variant["CurrentInstanceCount"] < most:
                variant["DesiredInstanceCount"] += 1
                asked[name] = now
