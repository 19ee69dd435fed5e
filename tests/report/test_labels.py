from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from mmebench.report.pictures.labels import Label, place_labels
from mmebench.report.pictures.pictures import fit, logarithmic


def test_labels_cover_neither_each_other_nor_a_point() -> None:
    figure = Figure(figsize=(10, 6))
    axes = figure.subplots()
    axes.set(xlim=(0, 100), ylim=(1, 1000), yscale="log")
    random = np.random.default_rng(1)
    points = [(50 + 8 * x, 10 * 2**y) for x, y in random.normal(size=(12, 2))]
    axes.plot(*zip(*points, strict=True), "o", markersize=6)
    left_over = place_labels(axes, [Label(x, y, f"{n} users", "black") for n, (x, y) in enumerate(points)], points)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the line to the point
    assert len(boxes) + len(left_over) == len(points)
    assert len(boxes) > 6
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    places = axes.transData.transform(points)
    assert not any(box.contains(*place) for box in boxes for place in places)
    frame = axes.get_window_extent()
    assert all(frame.contains(box.x0, box.y0) and frame.contains(box.x1, box.y1) for box in boxes)


def test_what_has_no_room_is_left_out_and_told() -> None:
    axes = Figure(figsize=(2, 1)).subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    labels = [Label(0.5, 0.5, f"a long label {n}", "black") for n in range(20)]
    left_over = place_labels(axes, labels, [])
    assert left_over
    assert len(axes.texts) == 20 - len(left_over)
    assert place_labels(axes, [Label(float("nan"), 0.5, "nowhere", "black")], []) == ["nowhere"]


def test_a_logarithmic_axis_goes_from_a_round_number_to_another() -> None:
    axes = Figure().subplots()
    for values, limits, ticks in (
        ([11.0, 12.0, float("nan")], (10, 20), [10, 20]),
        ([10.0, 10.0], (10, 20), [10, 20]),
        ([3.0, 700.0], (2, 1000), [2, 5, 10, 20, 50, 100, 200, 500, 1000]),
        ([0.03, 90_000.0], (0.02, 100_000), [0.1, 1, 10, 100, 1000, 10_000, 100_000]),
        ([], (1, 2), [1, 2]),
    ):
        logarithmic(axes, "y", values)
        np.testing.assert_array_equal(axes.get_ylim(), limits)
        assert axes.get_yticks().tolist() == ticks


@pytest.mark.parametrize(
    ("values", "scale", "name"), [([10.0, 150.0], "linear", ""), ([10.0, 250.0], "log", " (log scale)")]
)
def test_an_axis_is_logarithmic_only_where_it_must_be(values: list[float], scale: str, name: str) -> None:
    axes = Figure().subplots()
    assert fit(axes, "x", values) == name
    assert axes.get_xscale() == scale
    assert bool(axes.get_xlim()[0] == 0) is (scale == "linear")
