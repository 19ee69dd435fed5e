"""What failed answers say, from the wire to the terminal."""

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from mmebench.cli import cli
from mmebench.load.client.complaints import LONGEST_BODY, Complaints, read_message
from mmebench.record.layout import find_runs
from mmebench.record.run import FailedAlike, read_run
from support.free_ports import free_ports
from support.hosts import write_spec
from support.scripted_server import ScriptedServer


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", ""),
        (b"not JSON, 12 of 3.5 kinds", "not JSON, # of # kinds"),
        (b'{"error": "model m-v17.tar.gz: out of memory"}', "model #: out of memory"),
        (
            b'{"ErrorCode": "X", "Message": "from primary", "OriginalMessage": "{\\"error\\": \\"bad 7\\"}"}',
            "bad #",
        ),
        (b'{"Message": "no"}', "no"),
        (b'{"message": null}', ""),
        (b"[1, 2]", "[#, #]"),
        (b"\x1b[31mred\nand \xff", "[#mred and \ufffd"),
        (b"x" * 5000, "x" * 300),
        (b"[" * 5000, "[" * 300),
    ],
)
def test_the_message_in_a_body(body: bytes, message: str) -> None:
    assert read_message(body).strip() == message


def test_answers_that_say_the_same_are_one_group_and_groups_are_few() -> None:
    complaints = Complaints()
    for number in range(100):
        complaints.note("ModelError", 424, b"target %d is gone" % number)
    (group,) = complaints.take()
    told = FailedAlike(
        error="ModelError", status=424, message="target # is gone", count=100, body="target 0 is gone"
    )
    assert group == told
    assert complaints.take() == ()
    for number in range(1000):
        complaints.note("ModelError", 424, "".join(chr(97 + int(digit)) for digit in str(number)).encode())
    groups = complaints.take()
    assert len(groups) <= 51
    assert sum(group.count for group in groups) == 1000


def answer(number: int) -> tuple[float, bytes]:
    """In one piece, in two, and in chunks."""
    said = json.dumps(
        {"ErrorCode": "CLIENT_ERROR_FROM_MODEL", "OriginalMessage": f"shape {number} is wrong"}
    ).encode()
    head = b"HTTP/1.1 424 Failed Dependency\r\nx-amzn-ErrorType: ModelError\r\n"
    if number % 3 == 0:
        return 0.01, head + b"Content-Length: %d\r\n\r\n" % len(said) + said
    if number % 3 == 1:
        padding = b" " * (LONGEST_BODY * 4)
        return 0.01, head + b"Content-Length: %d\r\n\r\n" % (len(said) + len(padding)) + said + padding
    return 0.01, head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(said), said)


def test_a_load_that_fails_altogether_says_why_and_exits_with_3(tmp_path: Path) -> None:
    with ScriptedServer(answer) as server:
        spec = write_spec(
            tmp_path / "spec.yaml",
            f"http://127.0.0.1:{server.port}",
            f"127.0.0.1:{free_ports(1)[0]}",
            profile={"stages": [{"rate": 50, "duration": 3, "warmup": 1}]},
            workers=None,
        )
        words = ["load", str(spec), "--results", str(tmp_path / "results")]
        done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.return_value == 3, done.output
    assert (
        '150 requests of the whole load failed with ModelError (424): shape # is wrong; the first: {"ErrorCode"'
        in done.output
    )
    assert "no request succeeded" in done.output
    (files,) = find_runs(next((tmp_path / "results").iterdir()))
    failures = pd.read_csv(f"{files.prefix}_failures.csv")
    assert failures[["Error", "Occurrences"]].to_numpy().tolist() == [["ModelError: shape # is wrong", 150]]
    (stage,) = read_run(files.run).stages
    assert [(failed.message, failed.status) for failed in stage.failures] == [("shape # is wrong", 424)]
    page = (files.directory / "report.html").read_text()
    assert "shape # is wrong" in page


def test_a_server_that_never_answers_is_said_so(tmp_path: Path) -> None:
    """All requests are given up after the last stage."""
    with ScriptedServer(lambda n: (60.0, b"")) as server:
        spec = write_spec(
            tmp_path / "spec.yaml",
            f"http://127.0.0.1:{server.port}",
            f"127.0.0.1:{free_ports(1)[0]}",
            arrivals={"kind": "closed"},
            profile={"stages": [{"users": 2, "duration": 2, "warmup": 0}]},
            timeout=4,
            workers=None,
        )
        words = ["load", str(spec), "--results", str(tmp_path / "results")]
        done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.return_value == 3, done.output
    assert "2 requests of the whole load failed with ReadTimeout: no whole answer came within" in done.output
    assert "onnx on existing: no request succeeded" in done.output
