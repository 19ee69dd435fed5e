from collections import Counter
from itertools import chain, islice

import numpy as np
import pytest

from mmebench.load.asked_kind import AskedKind
from mmebench.load.schedule.keys import pick_keys
from mmebench.load.schedule.mix import ROUND, deal
from mmebench.spec import Payload, RoundRobin, Uniform, Workload, Zipf

PHOTOS = tuple(f"photos-v{number}.tar.gz" for number in range(12))
REVIEWS = tuple(f"reviews-v{number}.tar.gz" for number in range(5))
SHARES = (0.7, 0.3)


def kinds(*shares: float) -> list[AskedKind]:
    photos = AskedKind.only(Workload(payload=Payload(pool=3)), PHOTOS, name="photos")
    reviews = AskedKind.only(Workload(popularity=Zipf(kind="zipf", s=1.1, seed=4)), REVIEWS, name="reviews")
    return [
        kind.model_copy(update={"requests": share}) for kind, share in zip((photos, reviews), shares, strict=True)
    ]


def keys(asked: list[AskedKind], count: int, worker: int = 0, workers: int = 1, stage: int = 0) -> list[int]:
    return list(islice(pick_keys(asked, [3, 1], 4, 0, worker, workers, stage), count))


def kind_of(key: int) -> str:
    return "photos" if key // 4 < len(PHOTOS) else "reviews"


@pytest.mark.parametrize("stage", [0, 5])
@pytest.mark.parametrize("workers", [1, 3])
def test_shares_are_exact_to_the_request(workers: int, stage: int) -> None:
    asked = kinds(*SHARES)
    own = [keys(asked, len(range(worker, 10_000, workers)), worker, workers, stage) for worker in range(workers)]
    assert Counter(map(kind_of, chain(*own))) == {"photos": 7000, "reviews": 3000}


@pytest.mark.parametrize("workers", [2, 3])
def test_the_same_requests_whatever_the_number_of_workers(workers: int) -> None:
    asked = kinds(*SHARES)
    alone = keys(asked, 25_000)
    for worker in range(workers):
        expected = alone[worker::workers]
        assert keys(asked, len(expected), worker, workers) == expected


def test_each_kind_has_its_own_bodies_and_its_own_targets() -> None:
    for key in keys(kinds(*SHARES), 10_000):
        target, body = divmod(key, 4)
        assert (body == 3) is (target >= len(PHOTOS))


def test_a_kind_is_asked_as_a_load_on_it_alone_would() -> None:
    mixed = [key for key in keys(kinds(*SHARES), 20_000) if kind_of(key) == "photos"]
    assert mixed == list(islice(pick_keys(kinds(*SHARES)[:1], [3], 4, 0, 0, 1), len(mixed)))


@pytest.mark.parametrize("shares", [[1.0], [1 / 3] * 3, [0.999, 0.001], [1 / 67] * 67, [0.5, 0.49999, 0.00001]])
def test_what_is_left_over_of_a_round_comes_in_the_next(shares: list[float]) -> None:
    given = np.zeros(len(shares))
    for number, dealt in enumerate(islice(deal(shares, 0, 0), 50), start=1):
        assert len(dealt.kinds) == sum(dealt.counts) == ROUND
        given += dealt.counts
        assert np.abs(given - np.array(shares) * ROUND * number).max() <= 1
        assert np.bincount(dealt.kinds, minlength=len(shares)).tolist() == dealt.counts


def test_kinds_come_by_chance_and_not_in_turns() -> None:
    """A circle is the worst that an endpoint with too little memory can meet: it would never have what comes."""
    order = next(deal([1 / 40] * 40, 0, 0)).kinds
    gaps = np.diff(np.flatnonzero(order == 7))
    assert gaps.mean() == pytest.approx(40, rel=0.05)
    assert gaps.std() == pytest.approx(40, rel=0.2), "as of a geometric distribution; in turns it would be 0"


def test_the_seed_decides_the_order_and_each_stage_has_its_own() -> None:
    order = next(deal(SHARES, 0, 0)).kinds
    assert (order == next(deal(SHARES, 0, 0)).kinds).all()
    for seed, stage in ((1, 0), (0, 1)):
        assert (order != next(deal(SHARES, seed, stage)).kinds).any()


def test_kinds_in_turns_within_themselves() -> None:
    robin = [
        AskedKind.only(Workload(popularity=RoundRobin(kind="round_robin")), targets).model_copy(
            update={"requests": share}
        )
        for targets, share in ((PHOTOS, 0.5), (REVIEWS, 0.5))
    ]
    found = list(islice(pick_keys(robin, [1, 1], 2, 0, 0, 1), 1000))
    photos = [key // 2 for key in found if key // 2 < len(PHOTOS)]
    assert photos == [number % len(PHOTOS) for number in range(len(photos))]


def test_as_many_kinds_as_a_folder_may_have() -> None:
    asked = [
        AskedKind.only(Workload(popularity=Uniform()), [f"{number}.tar.gz"]).model_copy(
            update={"requests": 1 / 1000}
        )
        for number in range(1000)
    ]
    found = list(islice(pick_keys(asked, [1] * 1000, 1000, 0, 0, 1), ROUND))
    assert set(Counter(key // 1000 for key in found).values()) == {10}
    assert all(key // 1000 == key % 1000 for key in found), "each has the body of its target"
