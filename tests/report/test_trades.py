"""What people are told of what variants trade."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from rich.console import Console

from mmebench import load_results
from mmebench.cli import cli
from mmebench.figures.trades import FIGURES
from mmebench.report.page.trade_table import make_trade_table
from mmebench.report.report import write_report
from mmebench.report.words.trades import trade_table, trades_in_words
from support.variants import variant

BINARY = {"throughput": 100.0, "p50": 20.0, "p95": 31.0, "p99": 43.5, "sent": 602_263.0, "cost": 2.5}
JSON = {"throughput": 50.0, "p50": 20.0, "p95": 124.0, "sent": 2_954_830.0, "cost": 5.0}


def rows(name: str, figures: dict[str, float], against: dict[str, float]) -> list[dict[str, Any]]:
    """Of a variant; what is twice as good, or better, is so by more than chance."""
    found = []
    for figure, value in figures.items():
        best = max if figure == "throughput" else min
        other = against.get(figure)
        first = other is None or best(value, other) == value
        near = other is not None and 0.5 < value / other < 2
        standing = "no difference shown" if near else "best" if first else "worse"
        if other is None:
            standing = "too few to say"
        change = 0.0 if other is None or first else value / other - 1
        found.append(
            {
                "instance_type": "local",
                "platform": name,
                "targets": 3,
                "changes": f"workload.payload.encoding: {name}",
                "User Count": 4,
                "offered_per_s": float("nan"),
                "load": 1,
                "figure": figure,
                "unit": "B" if figure == "sent" else "",
                "value": value,
                "change": change,
                "change_low": min(change * 0.9, change * 1.1),
                "change_high": max(change * 0.9, change * 1.1),
                "standing": standing,
            }
        )
    return found


TWO = pd.DataFrame(rows("binary", BINARY, JSON) + rows("json", JSON, BINARY))


def printed(trades: pd.DataFrame) -> str:
    table = trade_table(trades)
    assert table is not None
    console = Console(file=StringIO(), width=80, record=True)
    console.print(table)
    return console.export_text()


def test_a_table_in_80_columns_with_a_mark_for_what_is_better() -> None:
    shown = printed(TWO)
    assert max(map(len, shown.splitlines())) <= 80
    lines = [line.split() for line in shown.splitlines()]
    assert ["variant", "req/s", "p50", "p95", "p99", "sent", "$/M"] in lines
    assert ["binary", "100.0", "✓", "20", "≈", "31", "✓", "44", "?", "588", "KiB", "✓", "2.50", "✓"] in lines
    assert ["json", "50.0", "20", "≈", "124", "2.82", "MiB", "5.00"] in lines
    assert "better than every other by more than chance (95 % intervals within a run)" in " ".join(shown.split())


def test_of_repeats_it_says_so() -> None:
    shown = " ".join(printed(TWO.assign(repeats=3)).split())
    assert "(95 % intervals between repeats)" in shown
    assert "Means of 3 repeats" in shown


def test_failures_have_a_column_where_there_are_any() -> None:
    first = rows("binary", BINARY, JSON)[:1] + rows("json", JSON, BINARY)[:1]
    failed = [row | {"figure": "failures", "value": 0.0} for row in first]
    assert "failed" not in printed(pd.concat([TWO, pd.DataFrame(failed)]))
    failed[1]["value"] = 0.012
    assert "1.20%" in printed(pd.concat([TWO, pd.DataFrame(failed)]))


def test_many_variants_with_long_names_keep_to_80_columns() -> None:
    name = "mbs32.instances2.cache-off.threads4"
    wide = rows(name, BINARY, JSON) + rows("json", JSON, BINARY) + rows("b", JSON, BINARY)
    assert max(map(len, printed(pd.DataFrame(wide)).splitlines())) <= 80
    assert trades_in_words(pd.DataFrame(wide)) == [], "a sentence is of two"


def test_two_variants_are_told_in_a_sentence() -> None:
    assert trades_in_words(TWO) == [
        "json against binary at 4 users: requests/s -50 % (-55 to -45), p95 +300 % (+270 to +330), bytes sent "
        "+391 % (+352 to +430), cost +100 % (+90 to +110); no difference shown in p50."
    ]
    turned = pd.DataFrame(rows("json", JSON, BINARY) + rows("binary", BINARY, JSON))
    (sentence,) = trades_in_words(turned)
    assert sentence.startswith(
        "binary against json at 4 users: requests/s +100 % (+81.8 to +122), p95 -75 % (-76.7 to"
    )
    assert sentence.endswith("cost -50 % (-52.4 to -47.4); no difference shown in p50.")
    level = TWO.assign(standing=["no difference shown"] * 5 + ["too few to say"] * 6)
    assert trades_in_words(level)[0].endswith(
        "at 4 users: too few to say of requests/s, p50, p95, bytes sent and cost."
    )
    came = pd.DataFrame(
        rows("json", {"throughput": 0.0}, BINARY) + rows("binary", BINARY, {"throughput": 0.01})[:1]
    )
    came.loc[came["platform"] == "json", ["change", "change_low", "change_high"]] = -1.0
    assert trades_in_words(came) == ["binary against json at 4 users: requests/s from nothing."]
    assert trades_in_words(pd.DataFrame()) == []
    assert trade_table(pd.DataFrame()) is None
    assert make_trade_table([], pd.DataFrame()).rows == []


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("results") / "resnet18"
    variant(directory, "binary", 200, sent=1000, price=3.6)
    variant(directory, "json", 100, sent=4000, price=3.6)
    return directory


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_it_is_in_every_form_of_a_report(results: Path) -> None:
    report = write_report(results)
    written = pd.read_csv(results / "variants.csv")
    assert written["figure"].unique().tolist() == list(FIGURES)
    assert len(written) == 2 * 2 * len(FIGURES)
    pd.testing.assert_frame_equal(
        load_results(results).variants[["platform", "figure", "value", "standing"]],
        written[["platform", "figure", "value", "standing"]],
        rtol=1e-5,
    )
    first, sentence = trades_in_words(report.trades)
    assert first.startswith("json against binary at 2 users: requests/s -50")
    assert sentence.startswith("json against binary at 4 users: requests/s -50")
    assert "bytes sent +300 %" in sentence
    assert sentence in report.conclusions.verdict
    page = (results / "report.html").read_text(encoding="utf-8")
    assert sentence in page
    section = page[page.index('id="variants"') : page.index('id="tables"')]
    assert section.count("<tr data-run") == 4
    assert '<a href="#variants">' in page
    shown = CliRunner().invoke(cli, ["report", str(results)], standalone_mode=False).output
    assert "what the variants trade" in shown
    assert sentence in shown
    said = json.loads(CliRunner().invoke(cli, ["report", str(results), "--json"], standalone_mode=False).output)
    assert len(said["trades"]) == len(written)
    assert {row["standing"] for row in said["trades"]} == {"best", "worse", "no difference shown"}


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_results_without_variants_have_nothing_of_it(tmp_path: Path) -> None:
    for name in ("pt", "onnx"):
        variant(tmp_path, name, 100, changes={})
    (tmp_path / "variants.csv").write_text("of variants that were here before")
    report = write_report(tmp_path)
    assert report.trades.empty
    assert not (tmp_path / "variants.csv").exists()
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'id="variants"' not in page
    assert "#variants" not in page
