import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmebench.errors import BadInputError, MmebenchError
from mmebench.record.samples import keep_samples
from support.load_run import LoadRun, load_processes
from support.scripted_server import OK, Step

pytestmark = pytest.mark.slow

FAILED = b"HTTP/1.1 424 Failed\r\nx-amzn-ErrorType: ModelError\r\nContent-Length: 2\r\n\r\nno"
CLOSING = OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")
COLD = b"HTTP/1.1 200 OK\r\nX-Mmebench-Residency: cold\r\nContent-Length: 2\r\n\r\nok"
WARM = COLD.replace(b"cold", b"warm")


def test_stages_samples_and_locusts_own_files_agree(tmp_path: Path) -> None:
    run = LoadRun(
        tmp_path,
        lambda n: (0.02, WARM if n % 10 else COLD),
        {},
        {"users": 2, "duration": 3},
        {"users": 6, "duration": 3},
    )
    assert [stage.users for stage in run.stages] == [2, 6]
    two, six = (run.within(stage) for stage in run.stages)
    assert (two.failures, six.failures) == (0, 0)
    assert np.median(two.latency) == pytest.approx(0.020, abs=0.006)
    assert np.median(six.latency) == pytest.approx(0.020, abs=0.008)
    assert six.throughput == pytest.approx(3 * two.throughput, rel=0.25)
    assert two.users == pytest.approx(2, abs=0.1)
    assert six.users == pytest.approx(6, abs=0.3)
    assert two.cold_starts == pytest.approx(len(two.latency) / 10, abs=2)

    assert run.count == len(run.server.requests), "each request that was sent is a sample"
    (row,) = pd.read_csv(f"{run.prefix}_stats.csv").query("Name == 'InvokeEndpoint'").to_dict("records")
    assert row["Request Count"] == run.count
    assert row["Average Response Time"] == pytest.approx(run.latency.mean() * 1e3, abs=1)
    history = pd.read_csv(f"{run.prefix}_stats_history.csv")
    assert {2, 6} <= set(history["User Count"])
    assert sum(live.successes for live in run.live) == run.count


def test_requests_are_signed_and_go_to_every_target(tmp_path: Path) -> None:
    run = LoadRun(tmp_path, lambda n: (0.005, OK), {}, {"users": 1, "duration": 2})
    heads = [request.partition(b"\r\n\r\n")[0] for request in run.server.requests]
    assert all(head.startswith(b"POST /endpoints/local/invocations HTTP/1.1\r\n") for head in heads)
    assert all(b"Authorization: AWS4-HMAC-SHA256 Credential=LOCAL/" in head for head in heads)
    for target in (b"a", b"b", b"c"):
        assert any(b"X-Amzn-SageMaker-Target-Model: " + target + b".tar.gz\r\n" in head for head in heads)
    assert len(set(heads)) < len(heads), "a signature is used again within its second"
    assert len({head for head in heads if b"Target-Model: a." in head}) > 1, "and not for ever"


def test_failures_are_counted_exactly(tmp_path: Path) -> None:
    run = LoadRun(tmp_path, lambda n: (0.002, FAILED if n % 100 == 7 else OK), {}, {"users": 4, "duration": 3})
    expected = sum(1 for number in range(run.count) if number % 100 == 7)
    assert run.samples["error"].to_pylist().count("ModelError") == expected > 0
    assert run.samples["status"].to_pylist().count(424) == expected
    (row,) = pd.read_csv(f"{run.prefix}_failures.csv").to_dict("records")
    assert (row["Error"], row["Occurrences"]) == ("ModelError: no", expected)


@pytest.mark.parametrize("think_time", [0.1, {"between": ["50ms", "150ms"]}])
def test_users_think_between_requests(think_time: Any, tmp_path: Path) -> None:
    thinking = {"arrivals": {"kind": "closed", "think_time": think_time}}
    run = LoadRun(tmp_path, lambda n: (OK,), thinking, {"users": 2, "duration": 3})
    (stage,) = (run.within(window) for window in run.stages)
    # Answers come at once, so that a user who asks every 100 ms thinks nearly all the time. On a busy machine both
    # wait for an answer or think, and now and then for the machine.
    assert stage.throughput < 21
    assert 1 < stage.users + 0.1 * stage.throughput < 2.1


@pytest.mark.parametrize("last", [CLOSING, OK], ids=["announced", "abrupt"])
def test_a_server_that_closes_every_hundredth_connection_loses_nothing(tmp_path: Path, last: bytes) -> None:
    """It says so in its answer, or hangs up on a connection that is idle or has the next request on its way."""

    def script(number: int) -> tuple[Step, ...]:
        return (0.002, last, None) if number % 100 == 99 else (0.002, OK)

    run = LoadRun(tmp_path, script, {}, {"users": 4, "duration": 5})
    assert run.count == len(run.server.requests) > 100
    assert run.samples["error"].null_count == run.count, "and none failed"
    # A user whose connection is closed with its last request has no need of another.
    assert 0 <= 4 + run.count // 100 - run.server.connections <= 4


def test_a_server_that_is_down_makes_failures_and_not_a_million(tmp_path: Path) -> None:
    run = LoadRun(tmp_path, lambda n: (None,), {}, {"users": 3, "duration": 2})
    assert run.samples["error"].null_count == 0
    assert set(run.samples["error"].to_pylist()) == {"ConnectionClosed"}
    assert 3 < run.count < 100


def test_what_a_killed_load_had_recorded_is_kept(tmp_path: Path) -> None:
    def kill() -> None:
        (child,) = load_processes()
        os.kill(child.pid, signal.SIGKILL)

    def script(number: int) -> tuple[float, bytes]:
        if number == 300:  # of which more than 50 have been sent to be written, a second's worth or two before
            threading.Thread(target=kill).start()
        return 0.01, OK

    with pytest.raises(MmebenchError, match="the load stopped after 0 of 1 stages"):
        LoadRun(tmp_path, script, {}, {"users": 2, "duration": 60})
    assert keep_samples(tmp_path / "samples.arrows", tmp_path / "samples.parquet") > 50
    assert load_processes() == []


@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_ends_a_load_at_once_and_keeps_every_sample(tmp_path: Path, processes: int) -> None:
    asked: list[float] = []
    requests: list[float] = []

    def interrupt() -> None:
        asked.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    def script(number: int) -> tuple[Step, ...]:
        requests.append(time.monotonic())
        if number == 200:
            threading.Thread(target=interrupt).start()
        return (0.05, OK)

    with pytest.raises(KeyboardInterrupt):
        LoadRun(tmp_path, script, {"processes": processes}, {"users": 6, "duration": 60})
    assert time.monotonic() - asked[0] < 30, "and not when its minute is over"
    assert 200 < len(requests) == keep_samples(tmp_path / "samples.arrows", tmp_path / "samples.parquet")
    # They start 120 a second, until they are told or what they are told once a second comes.
    assert sum(at > asked[0] for at in requests) < 60, "the client processes are told at once"
    assert load_processes() == []


def test_a_trace_is_replayed_with_its_targets_and_bodies(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_bytes(b'{"own": 1}')
    rows = [f"{number / 50},{number % 3},{'own.json' if number % 2 else ''}" for number in range(150)]
    (tmp_path / "trace.csv").write_text("timestamp,target,payload\n" + "\n".join(rows))
    workload = {"arrivals": {"kind": "trace", "path": tmp_path / "trace.csv"}}
    # The second stage goes on where the first one ended.
    run = LoadRun(tmp_path, lambda n: (0.005, OK), workload, {"duration": 2}, {"duration": 2})
    assert run.count == 150
    assert [stage.rate for stage in run.stages] == [None, None]
    assert run.stages[1].not_started == 0
    by_start = np.argsort(run.column("intended_ns"))
    targets = np.array(run.samples["target"].to_pylist())[by_start]
    assert targets.tolist() == [f"{'abc'[number % 3]}.tar.gz" for number in range(150)]
    sizes = run.column("request_bytes")[by_start]
    assert set(sizes[1::2].tolist()) == {10}
    assert sizes[0] > 100
    assert sum(request.endswith(b'\r\n\r\n{"own": 1}') for request in run.server.requests) == 75
    gaps = np.diff(run.column("intended_ns")[by_start])[:99]
    assert gaps == pytest.approx(20_000_000, abs=1000)


@pytest.mark.parametrize(
    ("workload", "message"),
    [
        ({"popularity": {"kind": "hot", "targets": 4}}, r"got 4; allowed: up to 3"),
        ({"arrivals": {"kind": "trace", "path": "/none.csv"}}, r"/none\.csv: No such file"),
        ({"payload": {"file": "/none.bin"}}, r"/none\.bin: No such file"),
        ({"profile": {"search": {}}}, r"search needs objectives"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_started(
    tmp_path: Path, workload: dict[str, Any], message: str
) -> None:
    workload = {"profile": {"stages": [{"users": 1}]}} | workload
    with pytest.raises(BadInputError, match=message):
        LoadRun(tmp_path, lambda n: (OK,), workload)
    assert not (tmp_path / "load.log").exists()
