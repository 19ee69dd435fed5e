"""The client measured against servers whose behaviour is known, or that keep their own record of it."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmebench.load.schedule.popularity import probabilities
from mmebench.spec import Objectives, Zipf
from support.load_run import LoadRun
from support.noise import Noise, held_seconds, percentile
from support.scripted_server import OK, Step

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("hold", [lambda n: 0.2, lambda n: 0.4 if n % 20 == 7 else 0.15], ids=["fixed", "bimodal"])
def test_the_servers_latency_is_recovered(tmp_path: Path, hold: Callable[[int], float]) -> None:
    with Noise(hold, connections=16) as noise:
        run = LoadRun(tmp_path, lambda n: (hold(n), OK), {}, {"users": 16, "duration": 4})
    spans = np.array(run.server.spans, dtype=np.int64)
    assert run.count == len(spans) > 250, "the same requests on both sides"
    # But for the first of each user, which waits for its connection.
    held = held_seconds(run.server)[np.argsort(spans[:, 0])[16:]]
    latency = run.latency[np.argsort(run.column("start_ns"))[16:]]
    for share in (0.5, 0.99):
        expected = percentile(held, share)
        assert percentile(latency, share) == pytest.approx(expected, abs=0.01 * expected + noise.at(share))
    # From quickest to slowest. What a busy machine adds comes and goes; what the client adds is in every request.
    added = np.sort(run.latency) - np.sort(held_seconds(run.server))
    assert added.min() >= 0, "nothing is hidden"
    assert percentile(added, 0.25) < 0.001
    # Users were always waiting, as the server saw it in the same window.
    (stage,) = run.stages
    answered = spans[:, 1] - ahead_ns(run)
    inside = held_seconds(run.server)[(answered >= stage.ready * 1e9) & (answered < stage.end * 1e9)]
    waiting = inside.sum() / (stage.end - stage.ready)
    assert most_at_once(spans) == 16
    assert run.within(stage).users == pytest.approx(waiting, rel=0.06)


def ahead_ns(run: LoadRun) -> int:
    """How far the server's clock is ahead of the samples'; it sees no request before it was sent."""
    came = np.sort([start for start, _ in run.server.spans])
    return int((came - np.sort(run.column("start_ns"))).min())


def most_at_once(spans: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> int:
    """How many requests the server held at most."""
    times = np.concatenate([spans[:, 0], spans[:, 1]])
    change = np.repeat([1, -1], len(spans))
    return int(np.cumsum(change[np.lexsort((change, times))]).max())


class Stall:
    """A server that answers nothing for a second, once, 2.5 s after its first request."""

    def __init__(self) -> None:
        self.from_ns = self.until_ns = 0
        self.held = 0
        """Requests that came in that second."""

    def __call__(self, number: int) -> tuple[Step, ...]:
        now = time.monotonic_ns()
        if number == 0:
            self.from_ns, self.until_ns = now + 2_500_000_000, now + 3_500_000_000
        if not self.from_ns <= now < self.until_ns:
            return (0.002, OK)
        self.held += 1
        return ((self.until_ns - now) / 1e9, OK)


def test_an_open_loop_shows_the_whole_backlog_of_a_stall(tmp_path: Path) -> None:
    stall = Stall()
    with Noise(lambda n: 0.002, connections=4) as noise:
        run = LoadRun(
            tmp_path,
            stall,
            {"arrivals": {"kind": "constant"}},
            {"rate": 100, "users": 8, "duration": 5, "warmup": 1},
        )
    assert run.count == len(run.server.spans)
    due = run.column("intended_ns") + ahead_ns(run)
    # The requests that were due in the second of the stall wait for its end: 1 s, 0.99 s, 0.98 s …
    left = (stall.until_ns - due) / 1e9
    waited = (left > 0.1) & (left <= 1)
    assert np.count_nonzero(waited) == pytest.approx(90, abs=1)
    assert (run.latency[waited] - left[waited]).min() > -0.001
    # And no longer than the server's own record says.
    answered = np.sort([end for _, end in run.server.spans])
    ended = np.sort(run.column("end_ns")) + ahead_ns(run)
    assert np.median(ended - answered) / 1e9 < 0.002 + noise.at(0.99)
    assert percentile(run.latency, 0.99) > 0.9
    (stage,) = run.stages
    assert (stage.rate, stage.due) == (100, 400)
    intended, sent = run.column("intended_ns") / 1e9, run.column("start_ns") / 1e9
    started = (stage.ready <= intended) & (intended < stage.end) & (sent < stage.end)
    assert stage.not_started == 400 - np.count_nonzero(started)
    assert stage.not_started <= 100 * noise.at(1), "the backlog was worked off"


def test_a_closed_loop_hides_a_stall(tmp_path: Path) -> None:
    stall = Stall()
    with Noise(lambda n: 0.002, connections=4) as noise:
        run = LoadRun(
            tmp_path, stall, {"arrivals": {"kind": "closed", "think_time": 0.05}}, {"users": 4, "duration": 5}
        )
    assert 0 < stall.held <= 4, "a request a user"
    assert percentile(run.latency, 0.95) < 0.1 + noise.at(0.95)


def test_what_could_not_be_started_is_counted(tmp_path: Path) -> None:
    run = LoadRun(
        tmp_path,
        lambda n: (0.1, OK),
        {"arrivals": {"kind": "constant"}},
        {"rate": 100, "users": 2, "duration": 4, "warmup": 0},
    )
    (stage,) = run.stages
    assert stage.due is not None
    assert stage.due == pytest.approx(400, abs=10), "less what was due before the users were there"
    started = np.count_nonzero(run.column("intended_ns") >= stage.ready * 1e9)
    assert stage.due == started + (stage.not_started or 0)
    assert run.count == pytest.approx(80, abs=8), "two connections, ten requests a second on each"
    assert run.latency[-1] > 3, "it was due long before it was started"


def test_poisson_arrivals_and_zipf_targets_as_they_were_sent(tmp_path: Path) -> None:
    targets = tuple(f"m-v{number}.tar.gz" for number in range(8))
    run = LoadRun(
        tmp_path,
        lambda n: (OK,),
        {"arrivals": {"kind": "poisson"}, "popularity": {"kind": "zipf", "s": 1}},
        {"rate": 400, "duration": 5},
        targets=targets,
    )
    assert run.count == pytest.approx(2000, abs=135), "three standard deviations"
    intended = np.sort(run.column("intended_ns"))
    gaps = np.sort(np.diff(intended)) / 1e9
    cumulative, ranks = 1 - np.exp(-gaps * 400), np.arange(1, len(gaps) + 1) / len(gaps)
    assert np.abs(cumulative - ranks).max() < 1.95 / np.sqrt(len(gaps))
    expected = probabilities(Zipf(kind="zipf", s=1), targets) * run.count
    asked = Counter(run.samples["target"].to_pylist())
    counts = np.array([asked[target] for target in targets])
    assert ((counts - expected) ** 2 / expected).sum() < 24.3, "7 degrees of freedom, once in a thousand"
    lateness = (run.column("start_ns") - run.column("intended_ns")) / 1e9
    assert percentile(lateness, 0.5) < 0.001


def test_a_slow_loris_times_out(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    dribble: list[Step] = [step for _ in range(60) for step in (b"x", 0.1)]
    run = LoadRun(
        tmp_path,
        lambda n: (head, *dribble) if n == 3 else (0.02, OK),
        {"timeout": "1500ms"},
        {"users": 2, "duration": 5},
    )
    errors = run.samples["error"].to_pylist()
    assert Counter(error for error in errors if error) == {"ReadTimeout": 1}
    late = run.latency[errors.index("ReadTimeout")]
    assert 1.5 <= late < 2.8, "kept to within a second"
    assert run.samples["first_byte_ns"].null_count == 0


def test_two_workers_offer_exactly_the_rate_asked(tmp_path: Path) -> None:
    run = LoadRun(
        tmp_path,
        lambda n: (0.005, OK),
        {"arrivals": {"kind": "constant"}, "popularity": {"kind": "round_robin"}, "processes": 2},
        {"rate": 150, "users": 20, "duration": 3},
        {"rate": 50, "users": 20, "duration": 2},
    )
    assert run.count == len(run.server.requests) == 3 * 150 + 2 * 50
    first, second = np.split(np.sort(run.column("intended_ns")), [450])
    assert np.diff(first) == pytest.approx(1e9 / 150, abs=3)
    assert np.diff(second) == pytest.approx(1e9 / 50, abs=3)
    asked = Counter(run.samples["target"].to_pylist())
    assert max(asked.values()) - min(asked.values()) <= 2, "round robin over both processes, anew in each stage"
    assert [(stage.users, stage.rate, stage.note) for stage in run.stages] == [(20, 150, None), (20, 50, None)]
    assert [stage.not_started for stage in run.stages] == [0, 0]
    assert all(0 < (stage.client_cpu or 0) < 1 for stage in run.stages)
    assert all(stage.loop_lag_p99 is not None for stage in run.stages)


def test_a_search_finds_what_a_server_can_take(tmp_path: Path) -> None:
    """Each request takes 20 ms times those under way: 7 users wait 140 ms, and 8 wait 160 ms."""
    count, under_way = threading.Lock(), [0]

    def script(number: int) -> tuple[Step, ...]:
        with count:
            under_way[0] += 1
        time.sleep(0.02 * under_way[0])
        with count:
            under_way[0] -= 1
        return (OK,)

    run = LoadRun(
        tmp_path,
        script,
        {"profile": {"search": {"from": 2, "duration": 4, "warmup": 1}}},
        objectives=Objectives(p99=0.15),
    )
    assert [stage.users for stage in run.stages][:3] == [2, 4, 8]
    met = [stage.users for stage in run.stages if stage.note == "met the objectives"]
    missed = [stage.users for stage in run.stages if stage.note and stage.note.startswith("missed: p99")]
    assert sorted(met + missed) == sorted(stage.users for stage in run.stages)
    assert max(met) + 1 == min(missed)
    assert max(met) in (5, 6, 7)


def test_a_stage_ends_when_it_is_stationary_and_goes_on_while_it_is_not(tmp_path: Path) -> None:
    start = time.monotonic()

    def script(number: int) -> tuple[Step, ...]:
        # Slower by the second, up to 9 s after the first request; steady from there on.
        return (0.02 + 0.01 * min(time.monotonic() - start, 12), OK)

    run = LoadRun(
        tmp_path,
        script,
        {
            "profile": {
                "stages": [{"users": 4, "duration": 4, "warmup": 1}, {"users": 4, "duration": 60, "warmup": 0}],
                "stationary": {"window": 1, "tolerance": 0.12, "limit": 30},
            }
        },
    )
    unsteady, steady = run.stages
    assert 4 < unsteady.end - unsteady.start < 25
    assert 3 <= steady.end - steady.start < 20
    assert steady.ready == pytest.approx(steady.start, abs=0.2)
