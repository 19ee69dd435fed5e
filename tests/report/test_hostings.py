"""Ways to host beside each other: what is computed of them, and how it is told."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mmebench.record.run import Price
from mmebench.report.report import Report, write_report
from mmebench.report.words.hostings import hosting_table, hostings_in_words
from support.measured_runs import capacity, change, samples, stage
from support.samples import write_run

pytestmark = pytest.mark.usefixtures("undrawn")

USERS = (1, 4)


def hosted(
    directory: Path, hosting: str, targets: int, fits: int, users: tuple[int, ...] = USERS, **endpoint: Any
) -> None:
    files = write_run(
        directory,
        samples(users, cold=0.4 if hosting == "multi-model" else 0.0),
        tuple(stage(number, count) for number, count in enumerate(users)),
        objectives={"p99": "100ms"},
        targets=targets,
        capacity=capacity().model_copy(update={"fits": fits}),
        platform=hosting,
        spec={"endpoint": {"kind": "local", "hosting": hosting} | endpoint},
    )
    change(files, price=Price(usd_per_hour=0.5 * endpoint.get("instances", 1), source="a test"))


def all_three(directory: Path) -> Report:
    hosted(directory, "multi-model", 40, 9)
    hosted(directory, "components", 9, 9)
    hosted(directory, "single", 3, 3, instances=3)
    return write_report(directory)


def test_what_all_targets_take(tmp_path: Path) -> None:
    found = all_three(tmp_path / "resnet18").hostings.set_index("hosting")
    assert found["instances"].to_dict() == {"multi-model": 1, "components": 5, "single": 40}
    assert found["usd_per_month"].to_dict() == {"multi-model": 365, "components": 1825, "single": 14_600}
    assert found["served"].to_dict() == {"multi-model": 40, "components": 9, "single": 3}
    assert found["fits"].to_dict() == {"multi-model": 9, "components": 9, "single": 1}
    assert found["all"].eq(40).all()
    assert found.loc["multi-model", "cold_share"] == pytest.approx(0.4, abs=0.05)
    assert found.loc["components", "cold_share"] == 0
    assert found["User Count"].eq(4).all(), "the largest load that all have"
    assert found["standing"].eq("held").all()


def test_how_it_is_told(tmp_path: Path) -> None:
    report = all_three(tmp_path / "resnet18")
    (sentence,) = hostings_in_words(report.hostings)
    assert "a multi-model endpoint 1 instance, $365 a month, p99 " in sentence
    assert "inference components 5 instances, $1,825 a month, p99 " in sentence
    assert "an endpoint a model 40 instances, $14,600 a month, p99 " in sentence
    assert "Fewest instances: a multi-model endpoint." in sentence
    console = Console(width=80, record=True, file=(tmp_path / "out").open("w"))
    table = hosting_table(report.hostings)
    assert table is not None
    console.print(table)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    (components,) = (line for line in lines if line.startswith("components"))
    assert components.split()[1:5] == ["9", "of", "40", "9"]
    assert components.split()[-2:] == ["5", "1,825"]
    page = (tmp_path / "resnet18" / "report.html").read_text(encoding="utf-8")
    assert "Which way to host" in page
    assert "an endpoint a model 40 instances" in page
    assert (tmp_path / "resnet18" / "hostings.csv").exists()


def test_the_cheapest_is_one_that_holds_the_objectives(tmp_path: Path) -> None:
    found = all_three(tmp_path / "resnet18").hostings
    found.loc[found["hosting"] == "multi-model", "standing"] = "missed"
    (sentence,) = hostings_in_words(found)
    assert "Fewest instances of those that hold the objectives: inference components." in sentence


@pytest.mark.parametrize("users", [(4,), (8,)])
def test_only_what_was_measured_under_one_load_is_compared(tmp_path: Path, users: tuple[int, ...]) -> None:
    directory = tmp_path / "resnet18"
    hosted(directory, "multi-model", 40, 9)
    hosted(directory, "components", 9, 9, users=users)
    assert write_report(directory).hostings.empty == (users == (8,))
    assert (directory / "hostings.csv").exists() == (users == (4,))


def test_one_way_is_none_to_be_compared(tmp_path: Path) -> None:
    directory = tmp_path / "resnet18"
    hosted(directory, "multi-model", 40, 9)
    report = write_report(directory)
    assert report.hostings.empty
    assert hostings_in_words(report.hostings) == []
    assert hosting_table(report.hostings) is None
    assert "Which way to host" not in (directory / "report.html").read_text(encoding="utf-8")
