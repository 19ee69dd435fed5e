"""Which instance gets a request, by the name of its target: the kinds of routing that a spec knows."""

import hashlib
import random
from collections.abc import Callable, Sequence
from functools import lru_cache

from mmebench.server.front.instance import Instance
from mmebench.spec.routing import Routing
from mmebench.wire import answers
from mmebench.wire.target_names import component_of

Choose = Callable[[str, Sequence[Instance]], Instance]
"""Of two instances at least."""


def find_routing(routing: Routing, busy: int) -> Choose:
    """The kind of that name; with so many requests in service an instance is busy."""
    match routing:
        case "sticky":
            return Sticky(busy)
        case "hashed":
            return hashed
        case "random":
            return anywhere
        case "least_outstanding":
            return least_outstanding


class Sticky:
    """To the instance that has the target, the least busy one where several do.

    From a busy one to a second copy on one that is less so. A target that none has goes where there is most room,
    and where there is none anywhere, by chance.
    """

    def __init__(self, busy: int) -> None:
        self._busy = busy

    def __call__(self, target: str, instances: Sequence[Instance]) -> Instance:
        """The instance for a request."""
        having = [instance for instance in instances if instance.has(target)]
        if not having:
            roomiest = max(instances, key=lambda instance: instance.room())
            return roomiest if roomiest.room() >= 1 else anywhere(target, instances)
        best = min(having, key=_in_flight)
        # Requests that wait for loads do not count: copies elsewhere would be loads, and make more of them wait.
        if best.in_service >= self._busy and len(having) < len(instances):
            other = least_outstanding(target, instances)
            if other not in having and other.in_flight < best.in_flight:
                return other
        return best


class Dedicated:
    """To the instance of its own that each target has, as long as there are any left."""

    def __init__(self) -> None:
        self._of: dict[str, Instance] = {}

    def __call__(self, target: str, instances: Sequence[Instance]) -> Instance:
        """Raises RefusedError where all instances are others'."""
        instance = self._of.get(target)
        if instance is None or instance not in instances:
            taken = set(self._of.values())
            instance = next((each for each in instances if each not in taken), None)
            if instance is None:
                raise answers.validation_error(
                    f"Endpoint {component_of(target)} of account local not found: there are {len(instances)} "
                    "instances, and each has a model already"
                )
            self._of[target] = instance
        return instance


def hashed(target: str, instances: Sequence[Instance]) -> Instance:
    """Each target on one instance; where there is one more, only that one's share of the targets moves."""
    return instances[jump_hash(target, len(instances))]


def anywhere(target: str, instances: Sequence[Instance]) -> Instance:
    """By chance."""
    return instances[random.randrange(len(instances))]


def least_outstanding(target: str, instances: Sequence[Instance]) -> Instance:
    """To one of those with the fewest requests, by chance."""
    fewest = min(map(_in_flight, instances))
    return anywhere(target, [instance for instance in instances if instance.in_flight == fewest])


@lru_cache(maxsize=100_000)
def jump_hash(target: str, buckets: int) -> int:
    """The bucket of a target; of Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014."""
    key = int.from_bytes(hashlib.blake2b(target.encode(), digest_size=8).digest(), "little")
    bucket, jump = -1, 0
    while jump < buckets:
        bucket = jump
        key = (key * 2862933555777941757 + 1) % 2**64
        jump = int((bucket + 1) * (2**31 / ((key >> 33) + 1)))
    return bucket


def _in_flight(instance: Instance) -> int:
    return instance.in_flight
