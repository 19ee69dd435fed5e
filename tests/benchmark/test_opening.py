"""Endpoints that come up ahead; what they are does not matter here, only when they are there and when not."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from mmebench.benchmark.opening import AbandonedError, open_ahead
from mmebench.endpoints.endpoint import NoRoomError
from mmebench.errors import MmebenchError


class Hotel:
    """Opens endpoints, slowly, and knows how many there are."""

    def __init__(self, room: int = 100) -> None:
        self.room = room
        self.open: set[str] = set()
        self.most = 0
        self.threads: set[str] = set()
        self.lock = threading.Lock()

    def open_one(self, part: str, proceed: Callable[[], None]) -> Any:
        self.threads.add(threading.current_thread().name)
        with self.lock:
            if len(self.open) >= self.room:
                raise NoRoomError(part)
            self.open.add(part)
            self.most = max(self.most, len(self.open))
        try:
            for _ in range(int(part[1:]) + 1):
                time.sleep(0.02)
                proceed()
            if part.startswith("x"):
                raise MmebenchError(part)
        except BaseException:
            self.open.discard(part)
            raise
        return Room(self, part)


class Room:
    def __init__(self, hotel: Hotel, part: str) -> None:
        self.hotel, self.part = hotel, part

    def close(self) -> None:
        self.hotel.open.discard(self.part)


def stay(hotel: Hotel, parts: list[str], at_once: int) -> list[str]:
    """What came up, in order; an error is in brackets."""
    seen = []
    with closing(open_ahead(iter(parts), hotel.open_one, at_once)) as rooms:
        for part, room in rooms:
            seen.append(f"[{room}]" if isinstance(room, MmebenchError) else part)
            if isinstance(room, Room):
                time.sleep(0.05)
                room.close()
    return seen


def test_one_at_a_time_is_opened_by_the_caller() -> None:
    hotel = Hotel()
    assert stay(hotel, ["a3", "x1", "b1"], 1) == ["a3", "[x1]", "b1"]
    assert hotel.most == 1
    assert hotel.threads == {threading.current_thread().name}


def test_those_that_are_up_first_come_first_and_never_too_many_are_there() -> None:
    hotel = Hotel()
    assert stay(hotel, ["a9", "b1", "x1", "c1"], 3)[0] in ("b1", "[x1]")
    assert hotel.most == 3
    assert hotel.open == set()


def test_where_there_is_less_room_all_get_their_turn() -> None:
    hotel = Hotel(room=1)
    assert sorted(stay(hotel, ["a2", "b2", "c2", "d2"], 3)) == ["a2", "b2", "c2", "d2"]
    assert hotel.most == 1


def test_no_room_at_all_is_said() -> None:
    assert sorted(stay(Hotel(room=0), ["a1", "b1"], 2)) == ["[a1]", "[b1]"]


def test_what_nobody_took_is_taken_down() -> None:
    hotel = Hotel()
    with closing(open_ahead(iter(["a1", "b2", "c500"]), hotel.open_one, 3)) as rooms:
        _, room = next(rooms)
        time.sleep(0.2)
        assert hotel.open == {"a1", "b2", "c500"}
        assert isinstance(room, Room)
        room.close()
    assert hotel.open == set()


def test_a_failure_of_ones_own_making_ends_it_too() -> None:
    def break_down(part: str, proceed: Callable[[], None]) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), closing(open_ahead(iter(["a", "b"]), break_down, 2)) as rooms:
        next(rooms)
    assert issubclass(AbandonedError, MmebenchError)


def test_whatever_breaks_one_does_not_keep_the_others_from_being_closed() -> None:
    """A disk that is full, say, or a second Ctrl-C."""
    hotel = Hotel()

    def open_one(part: str, proceed: Callable[[], None]) -> Any:
        if part.startswith("q"):
            time.sleep(0.1)
            raise OSError("disk full")
        return hotel.open_one(part, proceed)

    rooms = open_ahead(iter(["a1", "q", "b2"]), open_one, 3)
    _, room = next(rooms)
    assert isinstance(room, Room)
    room.close()
    time.sleep(0.2)
    with pytest.raises(OSError, match="disk full") as caught:
        rooms.close()
    assert hotel.open == set()
    assert "run mmebench clean" in caught.value.__notes__[0]
