"""Connections are opened a few at a time, and nobody waits long for those that never are."""

from time import monotonic

import gevent
import pytest
from gevent.event import Event

from mmebench.load.client.openings import AT_ONCE, Openings


def open_many(openings: Openings, count: int, until: Event) -> list[float]:
    """When each of so many had its place; they have it until then."""
    places: list[float] = []

    def one() -> None:
        with openings.place():
            places.append(monotonic())
            until.wait()

    for _ in range(count):
        gevent.spawn(one)
    return places


def wait_for(places: list[float], count: int) -> None:
    """Until so many have a place, and a little longer, in which nobody else is to get one."""
    with gevent.Timeout(60):
        while len(places) < count:
            gevent.sleep(0.01)
    gevent.sleep(0.1)
    assert len(places) == count


def test_so_many_at_once_and_the_next_when_one_is_done() -> None:
    done = Event()
    places = open_many(Openings(longest=600), 2 * AT_ONCE, done)
    wait_for(places, AT_ONCE)
    done.set()
    wait_for(places, 2 * AT_ONCE)


def test_who_is_never_connected_gives_up_the_place() -> None:
    places = open_many(Openings(), 3 * AT_ONCE, Event())
    wait_for(places, 3 * AT_ONCE)
    began = places[0]
    assert all(at - began > 0.5 for at in places[AT_ONCE:])
    assert all(at - began > 1.0 for at in places[2 * AT_ONCE :])


@pytest.mark.parametrize("held", [0.0, 1.2])
def test_a_place_is_given_back_once(held: float) -> None:
    openings = Openings(longest=1.0 if held else 600)
    for _ in range(2):
        with openings.place():
            gevent.sleep(held)
    wait_for(open_many(openings, AT_ONCE + 1, Event()), AT_ONCE)
