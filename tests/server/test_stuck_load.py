"""A load whose process is gone, though its server has not noticed."""

import asyncio
from collections.abc import Iterator

import pytest

from mmebench.server.containers import stuck_load
from mmebench.server.containers.container import ContainerDownError, LoadError


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stuck_load, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(stuck_load, "_GONE_SECONDS", 0.05)


async def watch(seconds: float, processes: Iterator[list[int]], error: Exception | None = None) -> int:
    """Of a load that takes so long; how often the server was given up."""
    given_up = 0

    async def load() -> None:
        await asyncio.sleep(seconds)
        if error is not None:
            raise error

    async def give_up() -> None:
        nonlocal given_up
        given_up += 1

    try:
        await stuck_load.watched(load(), lambda: next(processes), give_up)
    except ContainerDownError:
        assert given_up == 1
    return given_up


def forever(*first: list[int]) -> Iterator[list[int]]:
    yield from first
    while True:
        yield first[-1]


def test_a_server_that_waits_for_a_process_that_is_gone_is_given_up() -> None:
    assert asyncio.run(watch(60, forever([]))) == 1
    assert asyncio.run(watch(60, forever([7], [7], []))) == 1


def test_one_that_has_a_process_is_waited_for() -> None:
    assert asyncio.run(watch(0.3, forever([7]))) == 0


def test_a_process_may_end_and_another_begin() -> None:
    assert asyncio.run(watch(0.3, forever([7], [], [], [8]))) == 0


def test_what_the_load_says_is_said() -> None:
    with pytest.raises(LoadError, match="no such model"):
        asyncio.run(watch(0.02, forever([7]), LoadError(400, "no such model")))
