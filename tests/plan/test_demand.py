"""What is planned for: shares and kinds of models, and the busiest minute of a trace."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmebench.errors import BadInputError
from mmebench.plan.demand import Demand, demand_of
from mmebench.plan.measured import Kind
from mmebench.spec.planning import Planning
from support.plans import ONE_KIND, measured, question, zipf

TWO = (
    Kind("photos", 0.7, 0.25, ("photos-v1.tar.gz",)),
    Kind("reviews", 0.3, 0.75, ("reviews-v1.tar.gz", "old.tar.gz")),
)


def demand(kinds: tuple[Kind, ...] = ONE_KIND, **planning: Any) -> Demand:
    return demand_of(Planning.model_validate(planning), kinds)


def write_trace(path: Path, times: list[float], targets: list[str]) -> Path:
    rows = [f"{at},{target}" for at, target in zip(times, targets, strict=True)]
    path.write_text("\n".join(["timestamp,target", *rows]) + "\n", encoding="utf-8")
    return path


def test_one_kind_has_the_shares_of_its_law() -> None:
    found = demand(models=500, traffic="zipf:1.1,40")
    assert found.shares == pytest.approx(zipf(500, 1.1))
    assert (found.rate, found.models, found.times) == (40, 500, None)


def test_kinds_have_their_parts_of_models_and_requests() -> None:
    found = demand(TWO, models=100, traffic="zipf:1,40")
    assert np.bincount(found.kinds).tolist() == [25, 75]
    assert np.bincount(found.kinds, found.shares) == pytest.approx([0.7, 0.3])
    assert (np.diff(found.shares) <= 0).all(), "the most popular first"
    assert found.shares[found.kinds == 1] == pytest.approx(0.3 * zipf(75, 1.0))
    assert np.bincount(demand(TWO, models=2, traffic="zipf:1,4").kinds).tolist() == [1, 1]
    with pytest.raises(
        BadInputError, match=r"plan\.models: got 1 for a fleet of 2 kinds; give at least one of each"
    ):
        demand(TWO, models=1, traffic="zipf:1,4")


def test_so_many_times_as_much() -> None:
    assert demand(models=5, traffic="zipf:0,40", times=2.5).rate == 100


def test_requests_are_those_of_the_law() -> None:
    found = demand(models=20, traffic="zipf:1,40")
    requests = found.requests(100_000, 1)
    assert 100_000 / requests["time"][-1] == pytest.approx(40, rel=0.02)
    counts = np.bincount(requests["target"], minlength=20) / 100_000
    assert counts == pytest.approx(found.shares, abs=0.005)
    gaps = np.diff(requests["time"])
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.02)
    assert found.requests(100_000, 1).tobytes() == requests.tobytes()
    assert found.requests(100_000, 2).tobytes() != requests.tobytes()
    assert requests["chance"].mean() == pytest.approx(511.5, abs=5)


def test_a_trace_is_planned_for_in_its_busiest_minute(tmp_path: Path) -> None:
    """60 requests in the first minute, 240 in the second, 60 in the third, and a few that are not a whole one."""
    times = [*np.linspace(1000, 1059, 60), *np.linspace(1060, 1119.5, 240), *np.linspace(1120, 1179, 60)]
    times += [1180.0] * 50
    targets = [f"m{number % 4}" for number in range(360)] + ["m0"] * 50
    found = demand(traffic=str(write_trace(tmp_path / "day.csv", times, targets)))
    assert found.rate == 4.0
    assert found.models == 4
    assert found.shares.tolist() == pytest.approx([140 / 410, 90 / 410, 90 / 410, 90 / 410])
    assert found.times is not None
    assert found.times[0] == 0.0
    assert len(found.requests(7, 1)) == 410, "as many as there are"
    twice = demand(traffic={"kind": "trace", "path": str(tmp_path / "day.csv"), "speed": 2})
    assert twice.rate == 5.0, "300 requests in the first two minutes, which are one now"
    assert twice.times is not None
    assert twice.times[-1] == pytest.approx(found.times[-1] / 2)
    assert demand(traffic=str(tmp_path / "day.csv"), times=3).rate == 12.0


def test_only_the_busiest_minute_is_looked_at(tmp_path: Path) -> None:
    """What was before it brings memory to what it is; what comes after it is nobody's business."""
    busy = np.linspace(60, 119.9, 3000)
    times = [*np.linspace(0, 59, 30), *busy, *np.linspace(120, 600, 100)]
    found = demand(traffic=str(write_trace(tmp_path / "day.csv", times, ["a"] * len(times))))
    requests = found.requests(1, 0)
    seen = requests[found.looked_at(len(requests))]
    assert len(seen) == 3000
    assert seen["time"][[0, -1]] == pytest.approx([60, 119.9])


def test_the_first_minute_may_be_the_busiest(tmp_path: Path) -> None:
    times = [*np.linspace(0, 59.9, 600), *np.linspace(60, 600, 50)]
    found = demand(traffic=str(write_trace(tmp_path / "day.csv", times, ["a"] * len(times))))
    assert found.rate == 10
    assert len(found.requests(1, 0)[found.looked_at(650)]) == 600


def test_a_trace_of_less_than_a_minute_is_one(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "short.csv", [5.0, 6.0, 7.0, 9.0, 15.0], ["a", "b", "a", "a", "c"])
    found = demand(traffic=str(path))
    assert found.rate == 0.5
    assert found.shares.tolist() == pytest.approx([0.6, 0.2, 0.2])


def test_models_that_a_trace_never_asks_for_are_hosted_too(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "day.csv", [0.0, 30.0, 61.0], ["a", "b", "a"])
    found = demand(traffic=str(path), models=10)
    assert found.models == 10
    assert found.shares[2:].tolist() == [0.0] * 8
    with pytest.raises(BadInputError, match=r"got 2 targets for plan\.models 1; allowed: up to as many; raise"):
        demand(traffic=str(path), models=1)


def test_targets_of_a_trace_are_of_the_kind_whose_name_they_bear(tmp_path: Path) -> None:
    path = write_trace(
        tmp_path / "day.csv",
        [0.0, 1.0, 2.0, 30.0, 61.0, 62.0],
        ["photos-v7", "reviews-v9", "old.tar.gz", "photos-v7", "photos-v7", "reviews-v9"],
    )
    found = demand(TWO, traffic=str(path))
    assert found.kinds.tolist() == [0, 1, 1]
    write_trace(path, [0.0, 61.0], ["photos-v7", "films-v1"])
    with pytest.raises(
        BadInputError, match=r"got target 'films-v1'; allowed: names that begin .* photos, reviews; rename"
    ):
        demand(TWO, traffic=str(path))


def test_a_trace_at_one_moment_is_refused(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "day.csv", [5.0, 5.0], ["a", "b"])
    with pytest.raises(BadInputError, match="all of its requests are at the same time; give a longer trace"):
        demand(traffic=str(path))


def test_a_rush_is_not_averaged_over_a_quiet_day(tmp_path: Path) -> None:
    """3,000 requests in the first minute, a hundred a minute in the hours after it."""
    times = [*np.linspace(0, 59.9, 3000), *np.linspace(60, 20_000, 30_000)]
    path = write_trace(tmp_path / "day.csv", times, [f"m{number % 7}" for number in range(len(times))])
    asked = question(measured(service=0.04, servers=2, fits=100), traffic=str(path), models=None)
    rush, quiet = asked.simulating.at(1), asked.simulating.at(20)
    assert rush.requests_per_s == pytest.approx(50, rel=0.01)
    assert rush.all.p50 > 1.05 * quiet.all.p50
    assert rush.utilisation == pytest.approx(50 / asked.measured.most_per_second)
