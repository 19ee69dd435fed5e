"""What variants trade: figures side by side at each load, and how each stands."""

import math
from pathlib import Path

import pandas as pd
import pytest

from mmebench.figures.statistics import Estimate, estimate_from_sums
from mmebench.figures.summary import summarise
from mmebench.figures.trades import find_trades
from mmebench.record.run import StageWindow
from support.samples import Sample, sample_table, write_run
from support.variants import STAGES, variant


def trades(directory: Path) -> pd.DataFrame:
    return find_trades(summarise(directory))


def standings(directory: Path, load: int = 1) -> dict[tuple[str, str], str]:
    rows = trades(directory).query(f"load == {load}").to_dict("records")
    return {(row["figure"], row["platform"]): row["standing"] for row in rows}


def test_each_figure_has_a_best_of_its_own(tmp_path: Path) -> None:
    """Binary serves more; JSON here sends less and is as fast."""
    variant(tmp_path, "binary", 200, 20, sent=1000, received=100, price=3.6)
    variant(tmp_path, "json", 100, 20, sent=800, received=100, price=3.6)
    assert standings(tmp_path) == {
        ("throughput", "binary"): "best",
        ("throughput", "json"): "worse",
        **{(name, each): "no difference shown" for name in ("p50", "p95", "p99") for each in ("binary", "json")},
        ("sent", "binary"): "worse",
        ("sent", "json"): "best",
        **{("received", each): "no difference shown" for each in ("binary", "json")},
        ("cost", "binary"): "best",
        ("cost", "json"): "worse",
        **{("failures", each): "no difference shown" for each in ("binary", "json")},
    }
    rows = {
        (row["figure"], row["platform"]): row for row in trades(tmp_path).query("load == 1").to_dict("records")
    }
    sent = rows["sent", "binary"]
    assert [sent[name] for name in ("value", "low", "high", "change")] == [1000, 1000, 1000, 0.25]
    assert (sent["best"], sent["unit"], sent["User Count"]) == ("json on local", "B", 2)
    rate, cost = rows["throughput", "json"], rows["cost", "json"]
    assert cost["value"] == pytest.approx(1000 / rate["value"])
    assert (cost["low"], cost["high"]) == pytest.approx((1000 / rate["high"], 1000 / rate["low"]))
    assert rate["change"] == pytest.approx(-0.5, abs=0.01)
    best = rows["throughput", "binary"]
    assert [best[name] for name in ("change", "change_low", "change_high")] == [0, 0, 0]


def test_without_a_price_there_is_no_cost(tmp_path: Path) -> None:
    variant(tmp_path, "binary", 200)
    variant(tmp_path, "json", 100)
    assert "cost" not in set(trades(tmp_path)["figure"])
    variant(tmp_path, "json", 100, price=1.0)
    rows = trades(tmp_path).query("figure == 'cost'")
    assert rows["standing"].tolist() == ["too few to say"] * 2, "of one of the two nobody knows it"


def test_only_loads_that_several_share(tmp_path: Path) -> None:
    variant(tmp_path, "binary", 200)
    variant(tmp_path, "json", 100, stages=(STAGES[1].model_copy(update={"start": 0, "ready": 0, "end": 10}),))
    assert trades(tmp_path)["User Count"].unique().tolist() == [4]
    variant(tmp_path, "json", 100, stages=(STAGES[0].model_copy(update={"users": 3}),))
    assert trades(tmp_path).empty


def test_rates_that_differ_by_a_hair_are_one_load_and_users_are_not(tmp_path: Path) -> None:
    def open_loop(due: int) -> tuple[StageWindow, ...]:
        return (StageWindow(users=9, start=0, ready=0, end=10, rate=100, due=due),)

    variant(tmp_path / "a", "binary", 100, stages=open_loop(1000))
    variant(tmp_path / "a", "json", 100, stages=open_loop(1001))
    assert trades(tmp_path / "a")["load"].unique().tolist() == [1]
    assert trades(tmp_path / "a").query("figure == 'p50'")["offered_per_s"].tolist() == [100, 100.1]
    variant(tmp_path / "b", "binary", 100, stages=open_loop(1000))
    variant(tmp_path / "b", "json", 100, stages=(STAGES[0].model_copy(update={"users": 100}),))
    assert trades(tmp_path / "b").empty, "100 users are no 100/s"
    variant(tmp_path / "c", "binary", 100, stages=(STAGES[0].model_copy(update={"users": 200}),))
    variant(tmp_path / "c", "json", 100, stages=(STAGES[0].model_copy(update={"users": 201}),))
    assert trades(tmp_path / "c").empty


def test_a_load_that_comes_again_belongs_to_its_like(tmp_path: Path) -> None:
    twice = (STAGES[0], STAGES[1].model_copy(update={"users": 2}))
    variant(tmp_path, "binary", 200, stages=twice)
    variant(tmp_path, "json", 100, stages=twice)
    assert trades(tmp_path).query("figure == 'throughput'")["load"].tolist() == [1, 1, 2, 2]


def test_what_one_of_three_shares_with_the_best_is_not_the_best(tmp_path: Path) -> None:
    for name, rate in (("a", 200), ("b", 199), ("c", 100)):
        variant(tmp_path, name, rate, changes={} if name == "c" else None)
    found = standings(tmp_path)
    assert [found["throughput", name] for name in "abc"] == ["no difference shown", "no difference shown", "worse"]
    (changed,) = trades(tmp_path).query("platform == 'c' and figure == 'p50' and load == 1")["changes"]
    assert changed == "", "the spec as it is stands beside its variants"


def test_runs_without_a_variant_trade_nothing(tmp_path: Path) -> None:
    for name in ("pt", "onnx"):
        variant(tmp_path, name, 100, changes={})
    assert trades(tmp_path).empty
    variant(tmp_path / "alone", "json", 100)
    assert trades(tmp_path / "alone").empty


def test_failures_are_weighed_as_well(tmp_path: Path) -> None:
    variant(tmp_path, "binary", 200, failed=400)
    variant(tmp_path, "json", 200)
    found = standings(tmp_path)
    assert (found["failures", "binary"], found["failures", "json"]) == ("worse", "best")


def test_a_difference_is_real_only_across_repeats(tmp_path: Path) -> None:
    """Within the first repeat 200 a second are more than 150; over three nobody can say."""
    for number, (binary, json) in enumerate(((200, 150), (150, 155), (160, 150))):
        folder = tmp_path / f"repeat-{number + 1}" if number else tmp_path
        variant(folder, "binary", binary, sent=1000, shared_digest="b")
        variant(folder, "json", json, sent=1200, shared_digest="j")
    found = standings(tmp_path)
    assert (found["throughput", "binary"], found["throughput", "json"]) == ("no difference shown",) * 2
    assert (found["sent", "binary"], found["sent", "json"]) == ("best", "worse")
    assert trades(tmp_path)["repeats"].unique().tolist() == [3]
    for folder in tmp_path.glob("repeat-*"):
        for path in folder.iterdir():
            path.unlink()
    assert standings(tmp_path)["throughput", "binary"] == "best"


def test_the_mean_size_of_bodies_and_its_interval(tmp_path: Path) -> None:
    """Of 40 bodies of 10 and 30 bytes the mean is 20; a size that never varies has an interval without width."""
    samples = [Sample(n, n + 5, request_bytes=10 if n % 2 else 30, response_bytes=7) for n in range(39)]
    samples.append(Sample(39, 44, "ModelError", status=424, request_bytes=10, response_bytes=7))
    write_run(tmp_path, sample_table(samples), (StageWindow(users=1, start=0, ready=0, end=1),))
    (row,) = summarise(tmp_path).to_dict("records")
    assert row["request_bytes"] == 20
    half = 2.0930 * 10 / math.sqrt(39)
    assert (row["request_bytes_low"], row["request_bytes_high"]) == pytest.approx((20 - half, 20 + half))
    assert [row[f"response_bytes{end}"] for end in ("", "_low", "_high")] == [7, 7, 7]


def test_few_sizes_have_a_mean_and_no_interval() -> None:
    assert estimate_from_sums(30, 300, 3)[:1] == (10,)
    assert math.isnan(estimate_from_sums(30, 300, 3).low)
    assert math.isnan(estimate_from_sums(0, 0, 0).value)
    assert estimate_from_sums(602_263.0 * 10**7, 602_263.0**2 * 10**7, 10**7) == pytest.approx(
        Estimate(602_263, 602_263, 602_263), abs=1e-3
    )
