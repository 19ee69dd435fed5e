import pytest

from mmebench.report.page.axis import fitting, from_zero, of_loads, up_to
from mmebench.report.ticks import linear_ticks, logarithmic_ticks, need_logarithm


def leading(number: float) -> int:
    return int(f"{number:e}"[0])


@pytest.mark.parametrize("values", [(0.004, 70.0), (3.0, 3.1), (1.0,), (20.0, 900.0)])
def test_a_logarithmic_axis_has_its_numbers_at_1_2_and_5(values: tuple[float, ...]) -> None:
    ticks = logarithmic_ticks(values)
    assert ticks.low <= min(values) <= max(values) <= ticks.high
    assert {leading(number) for number in ticks.at} <= {1, 2, 5}
    assert 2 <= len(ticks.at) <= 12


def test_of_many_decades_only_powers_are_named() -> None:
    assert logarithmic_ticks([0.0001, 500_000]).at == tuple(10.0**power for power in range(-4, 6))
    assert len(logarithmic_ticks([1e-5, 1e8], most=9).at) <= 9


@pytest.mark.parametrize(("top", "most", "expected"), [(54.1, 6, 20), (0.037, 6, 0.01), (17, 9, 5), (100, 6, 20)])
def test_an_axis_from_zero_has_round_steps(top: float, most: int, expected: float) -> None:
    ticks = linear_ticks([top, float("nan")], most)
    assert ticks.at[1] - ticks.at[0] == pytest.approx(expected)
    assert ticks.low == 0
    assert ticks.high >= top
    assert len(ticks.at) <= most + 1


def test_what_is_counted_has_no_halves() -> None:
    assert linear_ticks([2], whole=True).at == (0, 1, 2)
    assert 0.5 in linear_ticks([2]).at


def test_small_values_get_a_logarithmic_axis() -> None:
    assert need_logarithm([1, 25])
    assert not need_logarithm([1, 19, 0, float("nan")])
    assert fitting("ms", [1, 25]).logarithmic
    assert fitting("ms", [1, 19]).ticks.low == 0


def test_loads_that_double_are_as_far_apart_and_named_one_by_one() -> None:
    axis = of_loads("users", [1, 2, 4, 8, 16, 4], most=6)
    assert axis.texts == ("1", "2", "4", "8", "16")
    assert [axis.share(load) for load in axis.ticks.at] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert len(of_loads("users", list(range(1, 100)), most=6).ticks.at) <= 7
    assert of_loads("users", [5, 5], most=6).texts == ("5",)


def test_bars_use_all_of_their_room() -> None:
    assert up_to("ms", [1187.0], most=3).share(1187.0) == 1
    assert from_zero("ms", [1187.0], most=3).share(1187.0) < 0.8


def test_loads_that_are_close_to_each_other_do_not_all_have_numbers() -> None:
    axis = of_loads("users", [1, 2, 4, 8, 9, 10, 11, 12, 20], most=10)
    assert axis.texts == ("1", "2", "4", "8", "10", "12", "20")
    assert of_loads("users", [1, 2, 4, 8, 16, 19, 20], most=10).texts == ("1", "2", "4", "8", "16", "20")
