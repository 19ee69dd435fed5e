"""Figures by kind of model over repeats."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from statistics import mean, stdev

import pandas as pd
import pytest
from click.testing import CliRunner
from rich.console import Console

from mmebench import compare, load_results
from mmebench.cli import cli
from mmebench.figures.by_model import summarise_models
from mmebench.figures.summary import summarise
from mmebench.report.report import write_report
from mmebench.report.words.models_table import models_table
from mmebench.report.words.objectives import judge
from mmebench.spec import Objectives
from mmebench.spec.workload import ModelObjectives
from support.fleets import PHOTOS, REVIEWS, Kind, closed_loop, write_fleet

STAGES = closed_loop(4, 16)
SLOW = replace(REVIEWS, milliseconds=60)


def repeated(directory: Path, *repeats: tuple[Kind, ...], price: float | None = None) -> list[pd.DataFrame]:
    """A fleet that was measured so often; returns the rows by model of each time, as it has them alone."""
    alone = []
    for number, kinds in enumerate(repeats):
        folder = directory / f"repeat-{number + 1}" if number else directory
        write_fleet(folder, kinds, STAGES, price=price, seed=number, shared_digest="of all")
        once = directory.parent / "alone" / str(number) / directory.name
        write_fleet(once, kinds, STAGES, price=price, seed=number)
        alone.append(summarise_models(summarise(once)))
    return alone


def test_kinds_have_means_over_repeats_and_intervals_between_them(tmp_path: Path) -> None:
    alone = repeated(tmp_path / "shop", (PHOTOS, REVIEWS), (PHOTOS, SLOW), (PHOTOS, REVIEWS), price=1.2)
    models = summarise_models(summarise(tmp_path / "shop"))
    assert models["model"].tolist() == ["photos", "reviews"] * 2
    assert models["repeats"].tolist() == [3] * 4
    for number, row in enumerate(models.to_dict("records")):
        each = [rows.iloc[number] for rows in alone]
        for column, low, high in (
            ("Requests/s", "throughput_low_per_s", "throughput_high_per_s"),
            ("p99_ms", "p99_low_ms", "p99_high_ms"),
            ("Total Median Response Time", "p50_low_ms", "p50_high_ms"),
        ):
            values = [one[column] for one in each]
            half = 4.303 * stdev(values) / 3**0.5
            assert row[column] == pytest.approx(mean(values))
            assert (row[low], row[high]) == pytest.approx((max(mean(values) - half, 0), mean(values) + half))
        for column in ("Successful Requests", "cold_starts"):
            assert row[column] == sum(one[column] for one in each)
        for column in ("slowdown", "slowest_share", "served_share", "busy_share", "request_bytes_per_s"):
            assert row[column] == pytest.approx(mean(one[column] for one in each))
        assert (row["capacity"], row["targets"]) == (each[0]["capacity"], each[0]["targets"])


def test_kinds_still_share_the_price_of_the_whole(tmp_path: Path) -> None:
    repeated(tmp_path / "shop", (PHOTOS, REVIEWS), (PHOTOS, SLOW), price=1.2)
    summary = summarise(tmp_path / "shop")
    assert summary["usd_per_million_inferences"].tolist() == pytest.approx(
        [1.2 / 3600 / rate * 1e6 for rate in summary["Requests/s"]]
    )
    models = summarise_models(summary)
    paid = (models["usd_per_million_inferences"] * models["Requests/s"]).groupby(models["User Count"]).sum()
    whole = summary["usd_per_million_inferences"] * summary["Requests/s"]
    assert paid.tolist() == pytest.approx(whole.tolist())


def test_a_kind_without_an_answer_in_one_repeat_has_no_latency(tmp_path: Path) -> None:
    repeated(tmp_path / "shop", (PHOTOS, REVIEWS), (PHOTOS, replace(REVIEWS, failed=1.0)))
    photos, reviews = summarise_models(summarise(tmp_path / "shop")).to_dict("records")[:2]
    assert photos["p50_low_ms"] < photos["Total Median Response Time"] < photos["p50_high_ms"]
    assert pd.isna(reviews["Total Median Response Time"])
    assert reviews["Total Min Response Time"] > 0, "of the other repeat"
    assert reviews["Failed Requests"] > 0


def test_the_verdict_on_a_model_is_of_all_repeats(tmp_path: Path) -> None:
    """What the first repeat alone would hold, the mean of both does not, and the other way round."""
    quick, slow = (
        rows.iloc[1]["p95_ms"] for rows in repeated(tmp_path / "a" / "shop", (PHOTOS, REVIEWS), (PHOTOS, SLOW))
    )
    between = (quick + (quick + slow) / 2) / 2
    repeated(tmp_path / "b" / "shop", (PHOTOS, SLOW), (PHOTOS, REVIEWS))
    for folder in ("a", "b"):
        summary = summarise(tmp_path / folder / "shop")
        asked = Objectives(models={"reviews": ModelObjectives(p95=between / 1000)})
        assert not judge(summary, asked).met
        above = Objectives(models={"reviews": ModelObjectives(p95=(quick + slow) / 2 * 1.05 / 1000)})
        assert judge(summary, above).met
        assert "held up to" in judge(summary, above).lines[0]


@pytest.mark.slow
def test_what_people_see_is_of_all_repeats(tmp_path: Path) -> None:
    repeated(tmp_path / "shop", (PHOTOS, REVIEWS), (PHOTOS, SLOW))
    report = write_report(tmp_path / "shop")
    table = models_table(report.summary, Objectives())
    console = Console(width=80, record=True, file=StringIO())
    console.print(table)
    shown = console.export_text()
    assert "Means of 2 repeats" in " ".join(shown.split())
    models = pd.read_csv(tmp_path / "shop" / "summary_by_model.csv")
    assert models["repeats"].tolist() == [2] * 4
    reviews = models[models["model"] == "reviews"]["Requests/s"].tolist()
    assert any(f"{rate:.1f}" in shown for rate in reviews)
    page = (tmp_path / "shop" / "report.html").read_text(encoding="utf-8")
    section = page[page.index('id="models"') :]
    assert "Means of 2 repeats, whose requests are added up." in section[: section.index("<table")]
    assert "of the mean over repeats (Student's)" in page
    assert load_results(tmp_path / "shop").by_model["repeats"].tolist() == [2] * 4


def test_kinds_differ_only_if_they_do_across_repeats(tmp_path: Path) -> None:
    """Reviews are slower in every repeat, photos in one of three only."""
    repeated(tmp_path / "a" / "shop", *[(PHOTOS, REVIEWS)] * 3)
    slower = replace(PHOTOS, milliseconds=40)
    repeated(tmp_path / "b" / "shop", (PHOTOS, SLOW), (slower, SLOW), (PHOTOS, SLOW))
    (comparison,) = compare(tmp_path / "a" / "shop", tmp_path / "b" / "shop")
    changes = comparison.changes.query("figure == 'p50' and load == '16 users'").set_index("model")
    assert changes.loc["reviews", "verdict"] == "worse"
    assert changes.loc["photos", "verdict"] in ("no difference shown", "too few to say")
    limit = ["--fail-on", "p50>+30%"]
    done = CliRunner().invoke(
        cli, ["compare", str(tmp_path / "a" / "shop"), str(tmp_path / "b" / "shop"), *limit], standalone_mode=False
    )
    assert done.return_value == 1
    assert "FAILED p50>+30%: 16 users, reviews" in done.output
    assert "16 users, photos: p50 changed" not in done.output
