import pytest

from mmebench.benchmark.outlook import Outlook, load_seconds
from mmebench.spec.workload import Workload


def test_before_a_run_is_measured_only_its_loads_are_known() -> None:
    outlook = Outlook(parts=3, load=60, began=100)
    assert outlook.left(150) == 180, "packaging and filling take time, nobody knows how much"
    assert outlook.describe(150) == "at least 3 min left"
    outlook.load_is_at(50)
    assert outlook.left(200) == 130


def test_a_run_that_is_measured_says_how_long_another_takes() -> None:
    outlook = Outlook(parts=3, load=60, began=100)
    outlook.load_is_at(60)
    outlook.measured(now=300)
    assert outlook.left(300) == 400
    assert outlook.describe(300) == "about 7 min left"
    assert outlook.share(300) == pytest.approx(1 / 3)
    assert outlook.left(400) == 300
    outlook.load_is_at(10)
    assert outlook.left(600) == 50 + 200, "late, but the load is not over yet"
    outlook.measured(now=650)
    outlook.measured(now=800)
    assert outlook.left(800) == 0
    assert outlook.share(800) == 1


def test_what_is_there_already_takes_no_time() -> None:
    outlook = Outlook(parts=2, load=60, began=0)
    outlook.kept(now=1)
    assert outlook.left(1) == 60
    assert outlook.describe(1) == "at least 1 min 00 s left"


def test_a_search_takes_as_long_as_it_takes() -> None:
    outlook = Outlook(parts=2, load=None, began=0)
    assert outlook.left(10) is None
    assert outlook.describe(10) == "as long as the search takes"
    assert outlook.share(10) == 0
    outlook.measured(now=100)
    assert outlook.left(120) == 80


def test_how_long_a_load_goes_on() -> None:
    stages = {"profile": {"stages": [{"users": 4, "duration": 10}, {"users": 8, "duration": "1m"}]}}
    assert load_seconds(Workload.model_validate(stages)) == 70
    search = {"profile": {"search": {"from": 1, "limit": 8, "duration": 20}}}
    assert load_seconds(Workload.model_validate(search)) is None
