from pathlib import Path

import pandas as pd
import pytest

from mmebench.figures.by_model import summarise_models, without_models
from mmebench.figures.objectives import BY_MODEL
from mmebench.figures.operating_point import find_largest_held, find_operating_point
from mmebench.figures.summary import summarise
from mmebench.record.run import StageWindow, read_run
from mmebench.record.run import write_run as write_record
from mmebench.spec import Objectives
from mmebench.spec.workload import ModelObjectives
from support.fleets import TWO, many, write_fleet
from support.samples import Sample, sample_table, write_run


def test_a_row_a_stage_and_kind_with_the_columns_of_the_summary(tmp_path: Path) -> None:
    write_fleet(tmp_path / "shop", price=1.2)
    summary = summarise(tmp_path / "shop")
    models = summarise_models(summary)
    assert list(models.columns[:3]) == ["model_name", "model", "instance_type"]
    assert set(without_models(summary).columns) < set(models.columns)
    assert models["model"].tolist() == ["photos", "reviews"] * 3
    assert set(models["model_name"]) == {"shop"}
    photos, reviews = models.to_dict("records")[:2]
    assert (photos["platform"], photos["precision"], photos["targets"], photos["capacity"]) == (
        "onnx",
        "fp32",
        12,
        11,
    )
    assert (reviews["platform"], reviews["targets"], reviews["max_models_loaded"]) == ("pt", 6, 5)
    assert photos["bytes_per_copy_low"] < photos["bytes_per_copy"] < photos["bytes_per_copy_high"]
    assert (photos["requests_share"], reviews["requests_share"]) == (0.7, 0.3)
    for column in ("Successful Requests", "Requests/s"):
        together = models.groupby("User Count")[column].sum()
        assert together.tolist() == pytest.approx(summary[column].tolist())
    shares = models.groupby("User Count")[["served_share", "slowest_share", "busy_share"]].sum()
    assert (shares - 1).abs().to_numpy().max() < 1e-12
    assert models["littles_law"].isna().all(), "which is of all requests in the system"


def test_kinds_share_the_price_by_the_time_that_they_take(tmp_path: Path) -> None:
    write_fleet(tmp_path / "shop", price=1.2)
    summary = summarise(tmp_path / "shop")
    models = summarise_models(summary)
    paid = models["usd_per_million_inferences"] * models["Successful Requests"]
    whole = summary["usd_per_million_inferences"] * summary["Successful Requests"]
    assert paid.groupby(models["User Count"]).sum().tolist() == pytest.approx(whole.tolist())
    photos, reviews = models["usd_per_million_inferences"].tolist()[-2:]
    assert reviews > photos


def test_fairness_of_a_fleet_and_of_one_model(tmp_path: Path) -> None:
    write_fleet(tmp_path / "shop", many(40))
    summary = summarise(tmp_path / "shop")
    slowdowns = summarise_models(summary).groupby("User Count")["slowdown"]
    assert ((summary["fairness_kinds"] > 0.5) & (summary["fairness_kinds"] < 1)).all()
    assert slowdowns.mean().is_monotonic_increasing
    stage = StageWindow(users=1, start=0, ready=0, end=1)
    write_run(tmp_path / "one", sample_table([Sample(n, n + 5, target=f"{n % 3}") for n in range(300)]), (stage,))
    one = summarise(tmp_path / "one")
    assert "fairness_kinds" not in one
    assert BY_MODEL not in one
    assert one["fairness_targets"].tolist() == [1]
    assert summarise_models(one).empty
    pd.testing.assert_frame_equal(without_models(one), one)


def test_a_fleet_is_held_where_each_of_its_kinds_is(tmp_path: Path) -> None:
    write_fleet(tmp_path / "shop")
    summary = summarise(tmp_path / "shop")
    p95 = summarise_models(summary).query("model == 'reviews'")["p95_ms"].tolist()
    assert p95 == sorted(p95), "more users make it slower"
    between = Objectives(models={"reviews": ModelObjectives(p95=(p95[1] + p95[2]) / 2000)})
    assert between.given
    assert between.limit_latency
    for find in (find_largest_held, find_operating_point):
        found = find(summary, between)
        assert found is not None
        assert found["User Count"] == 4
        assert find(summary, Objectives(models={"reviews": ModelObjectives(p95=0.001)})) is None
    nothing = Objectives(models={"reviews": ModelObjectives()})
    assert not nothing.given
    assert not nothing.limit_latency


def test_a_fleet_without_a_capacity_says_what_was_asked_for(tmp_path: Path) -> None:
    files = write_fleet(tmp_path / "shop", TWO)
    write_record(read_run(files.run).model_copy(update={"capacity": None}), files.run)
    models = summarise_models(summarise(tmp_path / "shop"))
    assert models["max_models_loaded"].tolist() == [12, 6] * 3
    assert "capacity" not in models
