import socket
from collections.abc import Callable, Iterator
from itertools import count
from time import monotonic_ns, process_time_ns
from typing import Any

import gevent
import numpy as np
import pytest

from mmebench.load.client.alarm import Alarm, LoopAlarm, PunctualAlarm, make_alarm
from mmebench.load.client.meter import Meter
from mmebench.load.client.pace import NO_ANSWER_PAUSE_SECONDS, ClosedPace, OpenPace

MS = 1_000_000


def soon(condition: Callable[[], bool]) -> None:
    """Let the loop go round until ``condition`` holds, however late that is on a busy machine."""
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.005)


class FakeCaller:
    """Answers after ``hold`` seconds, with ``status``."""

    def __init__(self, pace: Any, hold: float = 0.0, status: int = 200) -> None:
        self._pace, self._hold, self._status = pace, hold, status
        self.sent: list[tuple[int, int, int]] = []
        self.answered = 0

    def prepare(self, key: int) -> None:
        self.prepared = key

    def send(self, key: int, intended_ns: int = 0) -> None:
        self.sent.append((key, intended_ns, monotonic_ns()))
        gevent.spawn_later(self._hold, self._answer)

    def _answer(self) -> None:
        self.answered += 1
        self._pace.freed(self, self._status)

    def pause(self, seconds: float, then: Any) -> None:
        gevent.spawn_later(seconds, then, self)


@pytest.mark.parametrize("make", [make_alarm, LoopAlarm, PunctualAlarm])
def test_an_alarm_rings_once_when_it_is_set_for(make: Any) -> None:
    """And before what the loop is to do 40 ms later, however late a busy machine is with both."""
    rung: list[int] = []
    alarm: Alarm = make(lambda: rung.append(monotonic_ns()))
    for delay in (-5, 0, 3, 20):
        rung.clear()
        at = monotonic_ns() + delay * MS
        alarm.set(at)
        gevent.sleep(0.04 + max(delay, 0) / 1000)
        assert len(rung) == 1
        assert rung[0] > at - MS
    alarm.set(monotonic_ns() + 100 * MS)
    alarm.set(at := monotonic_ns() + 200 * MS)
    rung.clear()
    soon(lambda: bool(rung))
    assert rung[0] > at - 50 * MS, "the earlier time was forgotten"
    gevent.sleep(0.02)
    assert len(rung) == 1
    alarm.set(monotonic_ns() + 10 * MS)
    alarm.close()
    gevent.sleep(0.03)
    assert len(rung) == 1


def test_a_punctual_alarm_is_never_early_and_less_late_than_its_own() -> None:
    late: dict[str, list[int]] = {"plain": [], "punctual": []}
    due = {"plain": 0, "punctual": 0}
    plain = make_alarm(lambda: late["plain"].append(monotonic_ns() - due["plain"]))
    punctual = PunctualAlarm(lambda: late["punctual"].append(monotonic_ns() - due["punctual"]))

    def ring(name: str, alarm: Alarm) -> None:
        before = len(late[name])
        due[name] = monotonic_ns() + 3 * MS
        alarm.set(due[name])
        soon(lambda: len(late[name]) > before)

    for _ in range(200):
        ring("plain", plain)
        ring("punctual", punctual)
    plain.close()
    punctual.close()
    assert len(late["plain"]) == len(late["punctual"]) == 200
    assert min(late["punctual"]) >= 0
    assert np.median(late["punctual"][50:]) < np.median(late["plain"][50:])


def test_all_answers_are_read_before_anybody_sends_again() -> None:
    """Each answer is timed when it is read; a request takes longer to send than an answer to read."""
    pace = ClosedPace()
    log: list[str] = []

    class Caller(FakeCaller):
        def send(self, key: int, intended_ns: int = 0) -> None:
            log.append("send")

        def read(self) -> None:
            log.append("read")
            reader: Any = self
            pace.freed(reader, 200)

    callers = [Caller(pace) for _ in range(3)]
    pairs = [socket.socketpair() for _ in callers]
    watchers = [gevent.get_hub().loop.io(ours.fileno(), 1) for ours, _ in pairs]
    pace.begin(count())
    for caller, watcher, (_, theirs) in zip(callers, watchers, pairs, strict=True):
        watcher.start(caller.read)
        theirs.send(b"answer")
    for _ in range(100):
        if len(log) < 12:
            gevent.sleep(0.01)
    for watcher in watchers:
        watcher.stop()
    for pair in pairs:
        for end in pair:
            end.close()
    assert log[:12] == (["read"] * 3 + ["send"] * 3) * 2


def test_a_closed_loop_goes_on_with_its_keys_over_stages_and_stops() -> None:
    pace = ClosedPace()
    caller: Any = FakeCaller(pace, hold=0.001)
    gone: Any = FakeCaller(pace)
    pace.joined(caller)
    pace.joined(gone)
    pace.left(gone)
    assert not caller.sent, "not before the first stage"
    pace.begin(iter(range(1000)))
    assert len(caller.sent) == 1
    assert not gone.sent
    gevent.sleep(0.03)
    pace.begin(iter([7] * 1000))
    gevent.sleep(0.03)
    pace.stop()
    keys = [key for key, _, _ in caller.sent]
    gevent.sleep(0.03)
    assert keys == list(range(len(keys)))
    assert len(caller.sent) == len(keys)


def test_a_user_who_leaves_with_an_answer_asks_no_more() -> None:
    pace = ClosedPace()
    stays: Any = FakeCaller(pace, hold=60)
    goes: Any = FakeCaller(pace, hold=60)
    pace.begin(iter(range(10)))
    for caller in (stays, goes):
        pace.freed(caller, 200)
    pace.left(goes)
    gevent.sleep(0.01)
    assert (len(stays.sent), len(goes.sent)) == (1, 0)
    pace.stop()


def test_a_user_without_an_answer_pauses() -> None:
    pace = ClosedPace()
    caller: Any = FakeCaller(pace, status=0)
    pace.begin(iter(range(1000)))
    pace.joined(caller)
    soon(lambda: len(caller.sent) == 3)
    pauses = np.diff([at for _, _, at in caller.sent]) / 1e9
    assert pauses.min() > NO_ANSWER_PAUSE_SECONDS * 0.98
    assert pytest.approx(0.1) == NO_ANSWER_PAUSE_SECONDS


def every(milliseconds: int, count: int) -> Iterator[tuple[int, int]]:
    start = monotonic_ns() + 10 * MS
    return ((start + number * milliseconds * MS, number) for number in range(count))


def test_an_open_loop_starts_requests_when_they_are_due() -> None:
    pace = OpenPace()
    busy: list[int] = []

    class Caller(FakeCaller):
        def send(self, key: int, intended_ns: int = 0) -> None:
            super().send(key, intended_ns)
            busy.append(sum(len(caller.sent) > caller.answered for caller in callers))

    callers: list[Any] = [Caller(pace, hold=0.03) for _ in range(100)]
    for caller in callers:
        pace.joined(caller)
    meter, start = Meter(), monotonic_ns()
    pace.begin(every(2, 100))
    soon(lambda: sum(len(caller.sent) for caller in callers) == 100)
    held_up = meter.read(start, monotonic_ns()).lag_p99
    meter.close()
    assert held_up is not None
    sent = sorted(entry for caller in callers for entry in caller.sent)
    assert [key for key, _, _ in sent] == list(range(100))
    lateness = np.array([at - intended for _, intended, at in sent])
    assert lateness.min() >= 0, "never early"
    assert np.median(lateness) < 1 * MS + held_up * 1e9, "and late only where the loop is"
    assert len([caller for caller in callers if caller.sent]) == max(busy) < 100, "no more callers than it takes"


def test_the_next_request_is_signed_before_it_is_due() -> None:
    pace = OpenPace()
    caller: Any = FakeCaller(pace, hold=0.001)
    pace.joined(caller)
    pace.begin(iter([(monotonic_ns() + 30 * MS, 5), (monotonic_ns() + 10_000 * MS, 8)]))
    assert (caller.prepared, caller.sent) == (5, [])
    soon(lambda: caller.sent != [])
    pace.stop()
    assert [key for key, _, _ in caller.sent] == [5]


def test_what_waits_is_started_in_order_and_keeps_its_intended_start() -> None:
    pace = OpenPace()
    caller: Any = FakeCaller(pace, hold=0.02)
    pace.joined(caller)
    pace.begin(every(1, 10))
    soon(lambda: len(caller.sent) == 10)
    assert [key for key, _, _ in caller.sent] == list(range(10))
    waits = [(at - intended) / MS for _, intended, at in caller.sent]
    assert waits[9] > 9 * 19 - 1
    assert np.diff([intended for _, intended, _ in caller.sent]).tolist() == [MS] * 9


def test_what_was_not_started_within_the_window() -> None:
    pace = OpenPace()
    caller: Any = FakeCaller(pace, hold=10)
    pace.joined(caller)
    start = monotonic_ns()
    pace.begin((start + number * MS, number) for number in range(1000))
    soon(lambda: caller.sent != [])
    # Half of a schedule of 1000 ms counts, though most of it has not come yet; one request was started.
    assert pace.end(start, start + 500 * MS) == 499
    gevent.sleep(0.05)
    assert len(caller.sent) == 1, "nothing is started after the end"
    assert pace.end(start, start + 500 * MS) == 0


def test_nothing_of_a_stage_is_started_in_the_next() -> None:
    pace = OpenPace()
    caller: Any = FakeCaller(pace, hold=60)
    pace.joined(caller)
    pace.begin(every(1, 20))
    soon(lambda: caller.sent != [])
    pace.begin((at, 100 + key) for at, key in every(1, 3))
    for number in range(3):
        pace.freed(caller, 200)
        soon(lambda sent=number + 2: len(caller.sent) == sent)  # type: ignore[misc]
    assert [key for key, _, _ in caller.sent][1:] == [100, 101, 102]


def test_the_meter_sees_a_loop_that_is_held_up_and_what_the_process_uses() -> None:
    """However much of a processor others leave it."""
    meter = Meter()
    start, used = monotonic_ns(), process_time_ns()
    gevent.sleep(0.3)
    idle = meter.read(start, monotonic_ns())
    meter.forget()
    busy_from, used = monotonic_ns(), process_time_ns()
    while process_time_ns() - used < 300 * MS:
        pass
    gevent.sleep(0.05)
    least, until = (process_time_ns() - used) / (monotonic_ns() - busy_from), monotonic_ns()
    busy = meter.read(busy_from, until)
    # Others may have taken the core between any two of these lines.
    assert least - 0.05 <= busy.cpu <= (process_time_ns() - used) / (until - busy_from) + 0.05
    meter.close()
    assert idle.cpu < busy.cpu / 2
    assert busy.lag_p99 is not None
    assert busy.lag_p99 > 0.2
    assert busy.own_lag_p99 is not None
    assert 0.2 < busy.own_lag_p99 <= busy.lag_p99, "it kept itself waiting"
    assert busy.machine_cpu is not None
    assert busy.machine_stolen is not None
    assert 0 < busy.machine_cpu + busy.machine_stolen <= 1.001


def test_the_meter_tells_what_the_loop_did_from_what_it_waited_for_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    waited_ns = 0
    monkeypatch.setattr("mmebench.load.client.cpu_contention.CoreWait.read", lambda self: waited_ns)
    meter = Meter()
    start = monotonic_ns()
    while monotonic_ns() - start < 1000 * MS:
        pass
    waited_ns = 200 * MS
    gevent.sleep(0.05)
    found = meter.read(start, monotonic_ns())
    meter.close()
    assert found.lag_p99 is not None
    assert found.lag_p99 > 0.9
    assert found.own_lag_p99 == pytest.approx(found.lag_p99 - 0.2)


def test_what_escapes_a_callback_ends_the_process() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    alarm = make_alarm(fail)
    alarm.set(monotonic_ns())
    with pytest.raises(ZeroDivisionError):
        gevent.sleep(0.5)
    alarm.close()
