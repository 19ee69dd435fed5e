"""Logs become traces."""

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from mmebench.cli import cli
from mmebench.errors import BadInputError
from mmebench.load.schedule.trace import read_trace
from mmebench.traffic.importing import Imported, import_logs
from mmebench.traffic.log_formats import FILE, Columns, find_log

ALB = (
    "https 2026-11-27T08:41:0{second}.186641Z app/mine/50dc6c495c0c91 192.168.131.39:2817 10.0.0.1:80 0.086 0.04 "
    '0.037 200 200 0 57 "POST https://www.example.com:443/models/{model}/invoke?x=1 HTTP/1.1" "curl/7.46.0" '
    'ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/ "Root=1"'
)


def load(
    text: str, folder: Path, name: str = "log.csv", out: str = "trace.csv", **how: Any
) -> tuple[pd.DataFrame, Imported]:
    path = folder / name
    path.write_text(text)
    columns = Columns(how.pop("time", None), how.pop("target", None))
    found = import_logs([path], folder / out, columns, **how)
    read = pd.read_parquet if out.endswith(".parquet") else pd.read_csv
    return read(folder / out), found


def test_csv_of_any_column_names_in_the_order_of_time(tmp_path: Path) -> None:
    trace, found = load(
        'id,when,Model Name\n1,2026-11-27T08:41:10Z,"b, the second"\n2,2026-11-27 09:41:09.5+01:00,a\n', tmp_path,
        time="when", target="model name",
    )  # fmt: skip
    assert trace["timestamp"].tolist() == [1795768869.5, 1795768870.0]
    assert trace["target"].tolist() == ["a", "b, the second"]
    assert found == Imported(2, 2, 1795768869.5, 1795768870.0, ())


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_and_usual_names(delimiter: str, tmp_path: Path) -> None:
    rows = [["model", "ts"], ["a", "12.5"], ["b", "0.25"]]
    trace, _ = load("\n".join(map(delimiter.join, rows)) + "\n", tmp_path)
    assert trace["timestamp"].tolist() == [0.25, 12.5]
    assert trace["target"].tolist() == ["b", "a"]


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_numbers_are_times_of_the_unit_that_their_size_says(unit: str, factor: int, tmp_path: Path) -> None:
    trace, _ = load(f"time,target\n{1795768869 * factor},a\n{1795768871 * factor},a\n", tmp_path)
    assert trace["timestamp"].tolist() == [1795768869, 1795768871]
    told, _ = load(f"time,target\n{5 * factor},a\n", tmp_path, unit=unit)
    assert told["timestamp"].tolist() == [5]


def test_numbers_of_two_units_are_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"which look like s and ms; say which unit they have, --time-unit"):
        load("time,target\n1795768869,a\n1795768869000,a\n", tmp_path)


def test_what_cannot_be_read_is_counted_and_shown(tmp_path: Path) -> None:
    trace, found = load("time,target\n1,a\nyesterday,a\n2,\n,b\n3,b\n4,a,much,too,long\nnan,a\n", tmp_path)
    assert trace["timestamp"].tolist() == [1, 3]
    assert found.left_out[0][:2] == ("no time that can be read", 3)
    assert {each[:2] for each in found.left_out[1:]} == {("no target", 1), ("what is no line of CSV", 1)}
    assert "yesterday,a" in found.left_out[0].examples


def test_json_lines_with_fields_within_fields(tmp_path: Path) -> None:
    lines = [
        {
            "eventMetadata": {"inferenceTime": "2026-11-27T08:41:09Z"},
            "to": {"model": "a"},
            "picture": "x" * 3_000_000,
        },
        {"eventMetadata": {"inferenceTime": "2026-11-27T08:41:08Z"}, "to": {"model": "b"}},
        {"eventMetadata": {}, "to": {"model": "b"}},
    ]
    text = "\n".join(map(json.dumps, lines)) + "\nnot json\n"
    trace, found = load(text, tmp_path, "capture.jsonl", target="to.model")
    assert trace["target"].tolist() == ["b", "a"]
    assert [(each.reason, each.lines) for each in found.left_out] == [("no time that can be read", 2)]


def test_the_file_may_say_the_target(tmp_path: Path) -> None:
    """As where each model has had an endpoint of its own, whose records are in a folder of its name."""
    files = []
    for number, name in enumerate(("resnet", "bert")):
        files.append(tmp_path / f"{name}-endpoint" / "AllTraffic" / "08-41.jsonl")
        files[-1].parent.mkdir(parents=True)
        files[-1].write_text(
            json.dumps({"eventMetadata": {"inferenceTime": f"2026-11-27T08:41:0{number}Z"}}) + "\n"
        )
    import_logs(files, tmp_path / "trace.csv", Columns(None, FILE), pattern="([^/]+)-endpoint/")
    assert pd.read_csv(tmp_path / "trace.csv")["target"].tolist() == ["resnet", "bert"]


def test_load_balancers_of_aws(tmp_path: Path) -> None:
    text = "\n".join([ALB.format(second=second, model=model) for second, model in ((9, "a"), (8, "b"))]) + "\n"
    trace, _ = load(text, tmp_path, "alb.log")
    assert trace["target"].tolist()[0] == "https://www.example.com:443/models/b/invoke?x=1"
    trace, found = load(
        text + text.replace("/models/", "/health/"), tmp_path, "alb.log", pattern="/models/([^/?]+)"
    )
    assert trace["target"].tolist() == ["b", "a"]
    assert [(each.reason, each.lines) for each in found.left_out] == [
        ("a target that --target-pattern does not match", 2)
    ]


def test_several_files_gzip_among_them(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("time,target\n2,a\n")
    with gzip.open(tmp_path / "two.csv.gz", "wt") as file:
        file.write("time,target\n1,b\n3,b\n")
    found = import_logs([tmp_path / "one.csv", tmp_path / "two.csv.gz"], tmp_path / "t.csv", Columns(None, None))
    assert found.requests == 3
    assert pd.read_csv(tmp_path / "t.csv")["target"].tolist() == ["b", "a", "b"]


@pytest.mark.parametrize("name", ["it's.csv", 'say "hi".csv', "a*b[1]?.csv", "back\\slash.csv", "two words.csv"])
def test_files_of_any_name(name: str, tmp_path: Path) -> None:
    trace, _ = load("time,target\n1,a\n", tmp_path, name, out=f"out of {name}")
    assert trace["target"].tolist() == ["a"]
    lines, _ = load('{"time": 1, "target": "a"}\n', tmp_path, f"{name}.jsonl", out=f"out of {name}")
    assert lines["target"].tolist() == ["a"]


def test_columns_in_another_order_are_not_mixed_up(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("time,target\n2,7\n")
    (tmp_path / "two.csv").write_text("target,time\n7,1\n")
    import_logs([tmp_path / "one.csv", tmp_path / "two.csv"], tmp_path / "t.csv", Columns(None, None))
    assert pd.read_csv(tmp_path / "t.csv")["timestamp"].tolist() == [1, 2]
    (tmp_path / "two.csv").write_text("who,time\n7,1\n")
    with pytest.raises(BadInputError, match="cannot be read as csv"):
        import_logs([tmp_path / "one.csv", tmp_path / "two.csv"], tmp_path / "t.csv", Columns(None, None))


def test_targets_without_their_names_are_numbers_by_how_often_they_are_asked_for(tmp_path: Path) -> None:
    text = "time,target\n" + "".join(
        f"{number},{name}\n" for number, name in enumerate(["secret", "public", "public", "it"])
    )
    trace, _ = load(text, tmp_path, out="trace.parquet", anonymise=True)
    assert trace["target"].tolist() == [2, 0, 0, 1]
    requests = read_trace(
        tmp_path / "trace.parquet", ["x.tar.gz", "y.tar.gz", "z.tar.gz"], names_targets=True, speed=2
    )
    assert [(each.seconds, each.target) for each in requests] == [(0, 2), (0.5, 0), (1, 0), (1.5, 1)]


def test_a_trace_is_whole_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("of before")
    with pytest.raises(BadInputError, match="no line can be read: 1 with no time that can be read, as 'soon,a'"):
        load("time,target\nsoon,a\n", tmp_path)
    assert (tmp_path / "trace.csv").read_text() == "of before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.csv", "trace.csv"]


@pytest.mark.parametrize(
    ("text", "how", "message"),
    [
        (
            "time,target\n1,a\n",
            {"target": "model"},
            "--target: got 'model'; allowed: time, target; name one of them",
        ),
        ("when,target\n1,a\n", {}, "--time: which column is it[?] allowed: when, target; name one of them"),
        ("time,target\n1,a\n", {"out": "trace.xlsx"}, "--out .*: got '.xlsx'; allowed: .csv or .parquet"),
        ("time,target\n1,a\n", {"pattern": "("}, "--target-pattern: got '[(]', no regular expression"),
        ("time,target\n1,a\n", {"pattern": "a"}, "with 0 groups; allowed: one, which is the target"),
        ("12:01 GET /\n", {}, "its first line is neither JSON nor a header .* --format alb|jsonl|csv"),
        ("\n\n", {}, "is empty; give the file of a log"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_words(
    text: str, how: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match=message):
        load(text, tmp_path, **how)
    assert not (tmp_path / "trace.csv").exists()


def test_kinds_are_told_apart_by_the_first_line(tmp_path: Path) -> None:
    lines = {"alb": ALB.format(second=1, model="a"), "jsonl": '{"time": 1}', "csv": "time;target"}
    assert {kind: find_log(tmp_path, line) for kind, line in lines.items()} == {kind: kind for kind in lines}


def test_the_command_says_what_became_of_a_log(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("time,target\n0,a\n5,b\nsoon,a\x1b[31m\n")
    arguments = ["trace", "import", str(tmp_path / "log.csv"), "--out", str(tmp_path / "t.csv")]
    result = CliRunner().invoke(cli, arguments)
    assert result.output.splitlines() == [
        f"{tmp_path}/t.csv: 2 requests for 2 targets in 5 s, 0.4 a second",
        "left out: 1 lines with no time that can be read, as",
        "  soon,a?[31m",
    ]
    told = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).output)
    assert (told["requests"], told["left_out"][0]["lines"]) == (2, 1)
