import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from mmebench.cli import cli
from mmebench.errors import BadInputError
from mmebench.figures.comparability import find_differences
from mmebench.figures.side import read_sides
from mmebench.figures.stage_changes import compare_stages
from support.fleets import PHOTOS, REVIEWS, TWO, Kind, closed_loop, write_fleet

STAGES = closed_loop(16, seconds=60)


def fleet(directory: Path, *kinds: Kind, seed: int = 0) -> Path:
    write_fleet(directory, kinds or TWO, STAGES, seed=seed)
    return directory


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)], standalone_mode=False)


SLOWER = (PHOTOS, replace(REVIEWS, milliseconds=60))


def test_fleets_are_compared_as_a_whole_and_kind_by_kind(tmp_path: Path) -> None:
    (before,), (after,) = read_sides([fleet(tmp_path / "a")]), read_sides([fleet(tmp_path / "b", *SLOWER, seed=1)])
    changes = compare_stages(before, after)
    assert [stage.name for stage in changes] == ["16 users", "16 users, photos", "16 users, reviews"]
    p50 = {stage.model: {each.metric: each for each in stage.changes}["p50"] for stage in changes}
    assert p50["photos"].verdict == "no difference shown"
    assert p50["reviews"].verdict == "worse"
    assert p50["reviews"].change.value == pytest.approx(0.5, abs=0.1)


def test_a_limit_holds_for_each_kind_and_ci_has_a_test_for_each(tmp_path: Path) -> None:
    before, after = fleet(tmp_path / "a"), fleet(tmp_path / "b", *SLOWER, seed=1)
    done = compare(before, after, "--fail-on", "p50>+30%", "--junit", tmp_path / "junit.xml")
    assert done.return_value == 1
    failed = [line for line in done.output.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1
    assert failed[0].startswith("FAILED p50>+30%: 16 users, reviews: p50 changed by +")
    assert "| 16 users, photos | throughput |" in done.output
    cases = ElementTree.parse(tmp_path / "junit.xml").getroot().findall("testcase")
    assert {case.get("name"): case.find("failure") is not None for case in cases} == {
        "p50>+30%": False,
        "p50>+30% of photos": False,
        "p50>+30% of reviews": True,
    }
    said = json.loads(compare(before, after, "--json").output)
    assert [load["model"] for load in said["comparisons"][0]["loads"]] == [None, "photos", "reviews"]


@pytest.mark.parametrize(
    ("kinds", "prohibitive", "notable"),
    [
        (
            (replace(PHOTOS, share=0.5), replace(REVIEWS, share=0.5)),
            "requests for photos: 70.0% and 50.0%",
            None,
        ),
        ((replace(PHOTOS, share=1.0),), "models: only before there is reviews", None),
        ((PHOTOS, replace(REVIEWS, name="faces")), "models: only after there is faces", None),
        ((PHOTOS, replace(REVIEWS, targets=7)), None, "targets of reviews: 6 and 7"),
        ((PHOTOS, replace(REVIEWS, platform="onnx")), None, "platform of reviews: pt and onnx"),
        (TWO, None, None),
    ],
)
def test_another_mix_of_requests_is_not_comparable_and_another_way_to_serve_it_is(
    tmp_path: Path, kinds: tuple[Kind, ...], prohibitive: str | None, notable: str | None
) -> None:
    (before,), (after,) = read_sides([fleet(tmp_path / "a")]), read_sides([fleet(tmp_path / "b", *kinds)])
    differences = find_differences(before, after)
    assert (prohibitive in differences.prohibitive) if prohibitive else (differences.prohibitive == [])
    assert notable is None or notable in differences.notable
    if prohibitive:
        with pytest.raises(BadInputError, match="not comparable"):
            raise compare(tmp_path / "a", tmp_path / "b").exception or AssertionError
