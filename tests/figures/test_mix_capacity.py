import pytest

from mmebench.figures.mix_capacity import predict_mix
from mmebench.record.run import Capacity, KindCapacity


def capacity(*kinds: KindCapacity, budget: int | None = 1000) -> Capacity:
    fits = sum(kind.fits for kind in kinds)
    return Capacity(
        fits=fits, limited_by="eviction", bytes_per_copy=None, memory_budget=budget, kinds=kinds, loads=()
    )


SMALL = KindCapacity(name="small", fits=4, bytes_per_copy=100, bytes_per_copy_bounds=(90, 110), bytes_shared=50)
LARGE = KindCapacity(name="large", fits=1, bytes_per_copy=300, bytes_per_copy_bounds=(290, 310), bytes_shared=0)


@pytest.mark.parametrize(
    ("shares", "fits"),
    [
        ({"small": 1, "large": 1}, (3, 2)),  # 50 + 3 x 100 + 2 x 300 = 950; a third large one would not fit
        ({"small": 1}, (9,)),
        ({"large": 1}, (3,)),
        ({"small": 1, "large": 2}, (1, 2)),
    ],
)
def test_copies_come_in_their_proportions_until_the_next_one_would_not_fit(
    shares: dict[str, float], fits: tuple[int, ...]
) -> None:
    predicted = predict_mix(capacity(SMALL, LARGE), shares)
    assert predicted is not None
    assert tuple(each.fits for each in predicted.values()) == fits
    assert all(each.low <= each.fits <= each.high for each in predicted.values())


def test_bounds_follow_from_those_of_a_copy() -> None:
    predicted = predict_mix(capacity(SMALL, LARGE), {"small": 1})
    assert predicted is not None
    assert predicted["small"] == (9, 8, 10)


def test_nothing_is_predicted_of_what_is_not_known() -> None:
    assert predict_mix(capacity(SMALL, budget=None), {"small": 1}) is None
    lonely = KindCapacity(name="large", fits=1)
    assert predict_mix(capacity(SMALL, lonely), {"small": 1, "large": 1}) is None


def test_what_fits_is_told_kind_by_kind_and_of_a_folder_by_their_number() -> None:
    assert capacity(SMALL, LARGE).found == "5 targets fit (4 small, 1 large), limited by eviction"
    folder = [KindCapacity(name=f"m{number}", fits=int(number < 40)) for number in range(67)]
    assert capacity(*folder).found == "40 targets fit (one each of 40 of 67 models), limited by eviction"
    many = [KindCapacity(name=f"m{number}", fits=7 - number) for number in range(7)]
    assert capacity(*many).found.startswith("28 targets fit (7 m0, 6 m1, 5 m2, 4 m3, 3 m4, 3 of 2 other models)")
