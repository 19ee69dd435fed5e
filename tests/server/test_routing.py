"""Which of several instances gets a request, without any of them being there."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import cast

import pytest

from mmebench.server.front.instance import Instance
from mmebench.server.front.routing import Sticky, find_routing, hashed, jump_hash, least_outstanding
from mmebench.spec.routing import Routing

NAMES = [f"model-{number}.tar.gz" for number in range(3000)]


@dataclass
class Stand:
    """An instance as routing sees it."""

    targets: set[str] = field(default_factory=set)
    in_flight: int = 0
    waiting: int = 0
    space: float = math.inf

    @property
    def in_service(self) -> int:
        return self.in_flight - self.waiting

    def has(self, target: str) -> bool:
        return target in self.targets

    def room(self) -> float:
        return self.space


def choose(routing: Routing, *stands: Stand, target: str = "a", busy: int = 2) -> int:
    """The number of the one that gets it."""
    kind = find_routing(routing, busy)
    chosen = kind(target, cast("list[Instance]", list(stands)))
    return [id(stand) for stand in stands].index(id(chosen))


def test_a_target_sticks_to_where_it_is() -> None:
    assert choose("sticky", Stand(), Stand({"a"}, in_flight=1), Stand()) == 1
    assert choose("sticky", Stand({"a"}, in_flight=1), Stand({"a"}), Stand()) == 1, "the less busy of two copies"


def test_from_a_busy_one_it_gets_a_second_copy() -> None:
    busy = Stand({"a"}, in_flight=2)
    assert choose("sticky", busy, Stand(in_flight=1), Stand(in_flight=1, space=0)) in (1, 2)
    assert choose("sticky", busy, Stand(in_flight=2), Stand(in_flight=3)) == 0, "none is less so"
    assert choose("sticky", Stand({"a"}, in_flight=5, waiting=4), Stand()) == 0, "those that wait do not count"
    assert choose("sticky", busy, Stand({"a"}, in_flight=3)) == 0, "all have it"


def test_a_new_one_goes_where_there_is_most_room_and_else_anywhere() -> None:
    assert choose("sticky", Stand(space=1.5), Stand(space=3), Stand(space=2)) == 1
    full = [Stand(space=0.9), Stand(space=0.2), Stand(space=-1)]
    assert {choose("sticky", *full) for _ in range(200)} == {0, 1, 2}


def test_least_outstanding_is_the_one_with_the_fewest_requests() -> None:
    assert choose("least_outstanding", Stand(in_flight=2), Stand(in_flight=1), Stand({"a"}, in_flight=3)) == 1
    even = [Stand(in_flight=1), Stand(in_flight=1), Stand(in_flight=2)]
    assert {choose("least_outstanding", *even) for _ in range(100)} == {0, 1}


def test_random_is_even() -> None:
    stands = [Stand(), Stand(in_flight=100), Stand({"a"})]
    counts = Counter(choose("random", *stands) for _ in range(3000))
    assert min(counts.values()) > 800


def test_hashed_targets_stay_when_an_instance_is_added() -> None:
    four, five = ([jump_hash(name, count) for name in NAMES] for count in (4, 5))
    assert min(Counter(four).values()) > 0.8 * len(NAMES) / 4
    moved = [after for before, after in zip(four, five, strict=True) if before != after]
    assert set(moved) == {4}, "to the new one, and no other moves"
    assert len(moved) == pytest.approx(len(NAMES) / 5, rel=0.15)
    stands = [Stand() for _ in range(4)]
    assert [choose("hashed", *stands, target=name) for name in NAMES[:50]] == four[:50]


def test_all_of_them_can_be_asked_by_name() -> None:
    assert isinstance(find_routing("sticky", 3), Sticky)
    assert find_routing("hashed", 3) is hashed
    assert find_routing("least_outstanding", 3) is least_outstanding
