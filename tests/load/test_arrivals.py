from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.load.asked_kind import AskedKind
from mmebench.load.job import LoadJob
from mmebench.load.messages import BeginStage
from mmebench.load.schedule.arrivals import own_times
from mmebench.load.schedule.keys import pick_keys, trace_keys
from mmebench.load.schedule.schedule import count_within, due_times, own_trace
from mmebench.load.schedule.trace import read_trace
from mmebench.spec import ClosedLoop, ConstantRate, Payload, Poisson, RateArrivals, Workload

CONSTANT, POISSON = ConstantRate(kind="constant"), Poisson(kind="poisson")
TARGETS = ("a.tar.gz", "b.tar.gz", "c.tar.gz")


def share(
    arrivals: RateArrivals, rate: float, stage: int, duration: float, worker: int = 0, workers: int = 1
) -> list[float]:
    blocks = own_times(arrivals, rate, stage, duration, worker, workers)
    return [seconds for block in blocks for seconds in block.tolist()]


@pytest.mark.parametrize(("rate", "duration"), [(300, 3), (7, 10), (0.5, 60), (9999, 1.5)])
def test_constant_arrivals_are_exactly_as_many_as_asked(rate: float, duration: float) -> None:
    times = share(CONSTANT, rate, 0, duration)
    assert len(times) == int(np.ceil(rate * duration))
    assert np.diff(times) == pytest.approx(1 / rate)


def test_poisson_gaps_are_exponential() -> None:
    rate, count = 50.0, 40_000
    times = np.fromiter(islice(chain.from_iterable(POISSON.start_times(rate, 0)), count), float)
    gaps = np.sort(np.diff(times, prepend=0))
    cumulative = 1 - np.exp(-gaps * rate)
    ranks = np.arange(1, count + 1) / count
    kolmogorov_smirnov = max(np.abs(cumulative - ranks).max(), np.abs(cumulative - ranks + 1 / count).max())
    assert kolmogorov_smirnov < 1.95 / np.sqrt(count), "what chance exceeds once in a thousand; the seed is fixed"
    unsorted = np.diff(times, prepend=0)
    assert abs(np.corrcoef(unsorted[:-1], unsorted[1:])[0, 1]) < 0.02, "a gap says nothing of the next"


def test_poisson_counts_have_the_variance_of_their_mean() -> None:
    times = np.array(share(POISSON, 200, 0, 500))
    counts = np.bincount(times.astype(int), minlength=500)
    assert counts.mean() == pytest.approx(200, rel=0.02)
    assert counts.var() == pytest.approx(200, rel=0.25)


@pytest.mark.parametrize("arrivals", [CONSTANT, POISSON], ids=lambda arrivals: arrivals.kind)
@pytest.mark.parametrize("workers", [2, 3, 7])
def test_workers_share_what_one_would_start(arrivals: RateArrivals, workers: int) -> None:
    alone = share(arrivals, 1000, 3, 12.5)
    shares = [share(arrivals, 1000, 3, 12.5, worker, workers) for worker in range(workers)]
    assert sorted(chain.from_iterable(shares)) == alone
    assert [own[0] for own in shares] == alone[:workers]


def test_each_stage_has_its_own_arrivals_and_each_seed() -> None:
    first, second = (share(POISSON, 10, stage, 10) for stage in (0, 1))
    assert first != second
    assert first != share(Poisson(kind="poisson", seed=1), 10, 0, 10)


@pytest.mark.parametrize("workers", [2, 5])
def test_bodies_are_drawn_alike_whatever_the_number_of_workers(workers: int) -> None:
    workload = Workload(payload=Payload(pool=4))
    asked = AskedKind.only(workload, TARGETS)
    alone = list(islice(pick_keys([asked], [4], 4, 0, 0, 1, stage=2), 9000))
    assert np.bincount(np.array(alone) % 4) == pytest.approx(9000 / 4, rel=0.1)
    for worker in range(workers):
        expected = alone[worker::workers]
        assert list(islice(pick_keys([asked], [4], 4, 0, worker, workers, 2), len(expected))) == expected


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_trace_in_either_form(tmp_path: Path) -> None:
    as_csv = write(tmp_path / "t.csv", "timestamp,target,payload\n100.5,b.tar.gz,\n100,0,x.json\n102,2,\n")
    as_json = write(
        tmp_path / "t.jsonl",
        '{"timestamp": 100.5, "target": "b.tar.gz"}\n\n{"timestamp": 100, "target": 0, "payload": "x.json"}\n'
        '{"timestamp": 102, "target": 2}\n',
    )
    trace = read_trace(as_csv, TARGETS, names_targets=True)
    assert trace == read_trace(as_json, TARGETS, names_targets=True)
    assert [(request.seconds, request.target) for request in trace] == [(0, 0), (0.5, 1), (2, 2)]
    assert [request.payload for request in trace] == [tmp_path / "x.json", None, None]


def test_the_keys_of_a_trace(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "timestamp,target,payload\n0,1,x\n1,2,\n2,0,y\n")
    trace = read_trace(path, TARGETS, names_targets=True)
    workload = Workload.model_validate(
        {"arrivals": {"kind": "trace", "path": path}, "profile": {"stages": [{"duration": 5}]}}
    )
    payloads = [tmp_path / "x", tmp_path / "y"]
    keys = trace_keys(trace, workload, [AskedKind.only(workload, TARGETS)], [1], payloads)
    assert [(seconds, divmod(key, 3)) for seconds, key in keys] == [(0, (1, 1)), (1, (2, 0)), (2, (0, 2))]


def test_a_trace_of_times_only_with_drawn_targets(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "timestamp\n" + "\n".join(str(second) for second in range(300)))
    workload = Workload.model_validate(
        {
            "arrivals": {"kind": "trace", "path": path},
            "popularity": {"kind": "uniform"},
            "profile": {"stages": [{"duration": 5}]},
        }
    )
    asked = [AskedKind.only(workload, TARGETS)]
    keys = trace_keys(read_trace(path, TARGETS, names_targets=False), workload, asked, [1], [])
    assert {key for _, key in keys} == {0, 1, 2}
    assert [key for _, key in keys] == list(islice(pick_keys(asked, [1], 1, 0, 0, 1), 300))
    with pytest.raises(BadInputError, match="a request names no target"):
        read_trace(path, TARGETS, names_targets=True)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "t.csv",
            "timestamp,target\n1,7\n",
            r"line 2: target: got '7'; allowed: a.tar.gz … c.tar.gz, or 0 to 2",
        ),
        ("t.csv", "timestamp,target\nsoon,1\n", r"line 2: timestamp: got 'soon'; allowed: seconds"),
        ("t.csv", "timestamp,target\nnan,1\n", r"line 2: timestamp: got nan"),
        ("t.csv", "time,target\n1,1\n", "line 2: unknown column time"),
        ("t.csv", "timestamp,target\n", "no requests in it"),
        ("t.jsonl", '{"timestamp": 1, "target": "z"}\n', "line 1: target: got 'z'"),
        ("t.jsonl", "timestamp\n", "line 1: not an object"),
    ],
)
def test_what_is_no_trace(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read_trace(write(tmp_path / name, text), TARGETS, names_targets=True)


def test_a_trace_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="No such file"):
        read_trace(tmp_path / "none.csv", TARGETS, names_targets=True)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match="not CSV and not JSON lines"):
        read_trace(tmp_path / "binary.csv", TARGETS, names_targets=True)


def test_workers_share_a_trace_stage_by_stage() -> None:
    arrivals = {"arrivals": {"kind": "trace", "path": "t.csv"}, "profile": {"stages": [{"duration": 5}]}}
    workload = Workload.model_validate(arrivals)
    trace = [(number * 0.3, number) for number in range(40)]  # 12 seconds
    for workers in (1, 3):
        found = []
        for stage, start_ns in enumerate((10**9, 9 * 10**9)):
            orders = [
                BeginStage(stage, start_ns, None, 5.0, 5.0 * stage, worker, workers) for worker in range(workers)
            ]
            shares = [np.concatenate(list(due_times(workload, trace, order))) for order in orders]
            found += sorted(np.concatenate(shares).tolist())
            keys = [[key for _, key in own_trace(trace, order)] for order in orders]
            assert [len(own) for own in keys] == [len(share) for share in shares]
            assert sum(count_within([share], start_ns, start_ns + 10**9) for share in shares) in (3, 4)
        # The second begins after 5 s of the trace, at 9 s of the clock.
        expected = [(1 if at < 5 else 4) + at for at in (number * 0.3 for number in range(40)) if at < 10]
        assert np.array(found) / 1e9 == pytest.approx(expected)


def test_users_think_for_a_time_or_for_times_between_two() -> None:
    assert ClosedLoop().think_times(0) is None
    assert list(islice(ClosedLoop.model_validate({"think_time": "20ms"}).think_times(0) or (), 3)) == [0.02] * 3
    drawn = ClosedLoop.model_validate({"think_time": {"between": ["50ms", "500ms"]}})
    first, again, other = (list(islice(drawn.think_times(process) or (), 4000)) for process in (0, 0, 1))
    assert first == again != other
    assert 0.05 <= min(first) < 0.06
    assert 0.49 < max(first) <= 0.5
    assert float(np.mean(first)) == pytest.approx(0.275, rel=0.02)


def test_a_trace_names_targets_of_any_kind_and_each_has_a_body_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "timestamp,target\n0,d.tar.gz\n1,a.tar.gz\n2,d.tar.gz\n3,c.tar.gz\n")
    workload = Workload.model_validate(
        {"arrivals": {"kind": "trace", "path": path}, "profile": {"stages": [{"duration": 5}]}}
    )
    fleet = [
        AskedKind.only(workload, TARGETS, name="photos"),
        AskedKind.only(workload.model_copy(update={"payload": Payload(pool=3)}), ["d.tar.gz"], name="reviews"),
    ]
    every = (*TARGETS, "d.tar.gz")
    keys = trace_keys(read_trace(path, every, names_targets=True), workload, fleet, [1, 3], [])
    asked = [(every[key // 4], key % 4) for _, key in keys]
    assert [target for target, _ in asked] == ["d.tar.gz", "a.tar.gz", "d.tar.gz", "c.tar.gz"]
    assert all((body == 0) is (target != "d.tar.gz") for target, body in asked)


def test_a_body_that_a_trace_names_has_the_content_type_of_its_target(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"{}")
    path = write(tmp_path / "t.csv", "timestamp,target,payload\n0,d.tar.gz,body\n1,a.tar.gz,body\n2,d.tar.gz,\n")
    workload = Workload.model_validate(
        {"arrivals": {"kind": "trace", "path": path}, "profile": {"stages": [{"duration": 5}]}}
    )
    x = TensorSpec(name="x", datatype="FP32", shape=(4,))
    text = workload.model_copy(update={"payload": Payload(encoding="json")})
    job = LoadJob(
        url="http://127.0.0.1:1",
        endpoint_name="e",
        region="local",
        kinds=(
            AskedKind.only(workload, TARGETS, [x], 8, "photos"),
            AskedKind.only(text, ["d.tar.gz"], [x], 8, "reviews"),
        ),
        workload=workload,
        samples=tmp_path / "s",
    )
    content = job.content()
    asked = [divmod(key, len(content.bodies)) for _, key in content.trace]
    bodies = [content.bodies[body] for _, body in asked]
    assert [job.targets[target] for target, _ in asked] == ["d.tar.gz", "a.tar.gz", "d.tar.gz"]
    assert [body.content == b"{}" for body in bodies] == [True, True, False]
    assert [body.content_type == "application/json" for body in bodies] == [True, False, True]
