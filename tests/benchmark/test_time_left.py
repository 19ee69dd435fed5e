import pytest

from mmebench.benchmark.time_left import TimeLeft, load_seconds
from mmebench.spec.workload import Workload


def test_before_a_run_is_measured_only_its_loads_are_known() -> None:
    time_left = TimeLeft(parts=3, load=60, began=100)
    assert time_left.left(150) == 180, "packaging and filling take time, nobody knows how much"
    assert time_left.describe(150) == "at least 3 min left"
    time_left.load_is_at(50)
    assert time_left.left(200) == 130


def test_a_run_that_is_measured_says_how_long_another_takes() -> None:
    time_left = TimeLeft(parts=3, load=60, began=100)
    time_left.load_is_at(60)
    time_left.measured(now=300)
    assert time_left.left(300) == 400
    assert time_left.describe(300) == "about 7 min left"
    assert time_left.share(300) == pytest.approx(1 / 3)
    assert time_left.left(400) == 300
    time_left.load_is_at(10)
    assert time_left.left(600) == 50 + 200, "late, but the load is not over yet"
    time_left.measured(now=650)
    time_left.measured(now=800)
    assert time_left.left(800) == 0
    assert time_left.share(800) == 1


def test_what_is_there_already_takes_no_time() -> None:
    time_left = TimeLeft(parts=2, load=60, began=0)
    time_left.kept(now=1)
    assert time_left.left(1) == 60
    assert time_left.describe(1) == "at least 1 min 00 s left"


def test_a_search_takes_as_long_as_it_takes() -> None:
    time_left = TimeLeft(parts=2, load=None, began=0)
    assert time_left.left(10) is None
    assert time_left.describe(10) == "as long as the search takes"
    assert time_left.share(10) == 0
    time_left.measured(now=100)
    assert time_left.left(120) == 80


def test_how_long_a_load_goes_on() -> None:
    stages = {"profile": {"stages": [{"users": 4, "duration": 10}, {"users": 8, "duration": "1m"}]}}
    assert load_seconds(Workload.model_validate(stages)) == 70
    search = {"profile": {"search": {"from": 1, "limit": 8, "duration": 20}}}
    assert load_seconds(Workload.model_validate(search)) is None
