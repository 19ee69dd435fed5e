"""CUDA runs out of memory, as another process has taken some that the budget counts on: nobody is to notice."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gpu.asking import ROW, Asking, target
from gpu.machine import GIB, Device, Machine
from mmebench.endpoints.local import LocalEndpoint
from support.invocations import invoke
from support.serving import Serve

pytestmark = pytest.mark.triton

MachineWith = Callable[..., Machine]

POOL = 64 * 2**20
ALL = 80 * GIB
DEVICE = Device("NVIDIA H100 80GB HBM3", ALL, reserved=0)
FULL = "the container is full"


class Crowded:
    """An endpoint that believes it has all of a GPU, on which others leave room for so many bytes."""

    def __init__(self, machine: Machine, serve: Serve, folder: Path, room: int, **options: object) -> None:
        self.machine = machine
        self.leave(room)
        self.endpoint: LocalEndpoint = serve(memory="80GiB", **options)
        self.asking = Asking(self.endpoint, folder)
        self._log = folder / "serve-0.log"

    def leave(self, room: int) -> None:
        """Others now leave so much to Triton and its targets."""
        self.machine.take(DEVICE, os.getpid(), ALL - POOL - room)

    def times_full(self) -> int:
        """How often a load was told that there is no memory."""
        return self._log.read_text().count(FULL)


@pytest.fixture
def crowd(machine_with: MachineWith, serve: Serve, tmp_path: Path) -> Callable[..., Crowded]:
    machine = machine_with(DEVICE)
    return lambda room, **options: Crowded(machine, serve, tmp_path, room, **options)


def test_a_load_that_finds_no_memory(crowd: Callable[..., Crowded]) -> None:
    crowded = crowd(7 * GIB)
    asking = crowded.asking
    asking.add("abcde", 2 * GIB)
    asking.ask("a", "b", "c")
    assert crowded.times_full() == 0
    asking.ask("d")
    assert (asking.resident(), crowded.times_full()) == (["b", "c", "d"], 1)
    residency = asking.residency()
    assert (residency.memory_used, residency.memory_budget) == (6 * GIB, 7 * GIB)
    asking.ask("e", "a", "b")
    assert (asking.resident(), crowded.times_full()) == (["e", "a", "b"], 1), "the ledger knows what there is"
    crowded.leave(20 * GIB)
    assert asking.residency().memory_budget == 20 * GIB
    asking.ask("c", "d")
    assert asking.resident() == ["e", "a", "b", "c", "d"]


def test_an_inference_that_finds_no_memory(crowd: Callable[..., Crowded]) -> None:
    crowded = crowd(7 * GIB)
    asking = crowded.asking
    asking.add("abc", 2 * GIB, row=GIB // 4)
    asking.ask("a", "b", "c")
    asking.ask("c", rows=5)
    assert asking.resident() == ["b", "c"]
    assert asking.residency().evictions == 1
    assert asking.residency().memory_used == 5.5 * GIB
    asking.ask("a")  # is expected to take what c takes now, and so does not come in beside the others
    assert asking.resident() == ["c", "a"]
    assert crowded.times_full() == 0


def test_nothing_fits(crowd: Callable[..., Crowded]) -> None:
    crowded = crowd(2 * GIB)
    asking = crowded.asking
    asking.add(["small"], GIB)
    asking.add(["large"], 3 * GIB)
    asking.add(["eager"], GIB, run=2 * GIB)
    asking.ask("small")
    error = asking.client.exceptions.ModelError
    for name in ("large", "eager"):
        with pytest.raises(error, match=r"CUDA out of memory\. Tried to allocate") as caught:
            asking.ask(name)
        assert caught.value.response["OriginalStatusCode"] == 507
        asking.ask("small")
    crowded.leave(6 * GIB)
    asking.ask("large", "eager")


def test_known_to_be_too_large_for_what_others_leave(crowd: Callable[..., Crowded]) -> None:
    crowded = crowd(4 * GIB)
    asking = crowded.asking
    asking.add(["a", "b"], 3 * GIB)
    asking.ask("a", "b")  # the second finds no memory, so what others leave is watched
    crowded.leave(2 * GIB)
    asking.add(["other"], GIB // 2)
    asking.ask("other")  # in place of b
    said = r"a\.tar\.gz needs 3 GiB of gpu 0, and others leave 2 GiB of it; end what else runs there"
    with pytest.raises(asking.client.exceptions.ModelError, match=said) as caught:
        asking.ask("a")
    assert caught.value.response["OriginalStatusCode"] == 507


@pytest.mark.parametrize("sizes", [{}, {"row": GIB // 4}])
def test_many_at_once_where_few_fit(sizes: dict[str, int], crowd: Callable[..., Crowded]) -> None:
    """8 targets of 2 GiB or more, of which three fit into 8 GiB, and 8 clients that ask them all."""
    crowded = crowd(8 * GIB, load_concurrency=4)
    asking = crowded.asking
    asking.add("abcdefgh", 2 * GIB, **sizes)
    order = [name for turn in range(8) for name in ("abcdefgh"[turn:] + "abcdefgh"[:turn])]

    def ask(number: int) -> None:
        asking.ask(order[number], rows=1 + number % 3)

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(ask, range(64)))
    residency = asking.residency()
    assert residency.evictions > 0
    assert residency.memory_used == crowded.machine.used(DEVICE) - (ALL - POOL - 8 * GIB) - POOL
    assert residency.memory_used <= 8 * GIB


def test_two_that_fit_alone_only_take_turns(crowd: Callable[..., Crowded]) -> None:
    """Both are asked all the time."""
    crowded = crowd(3 * GIB)
    asking = crowded.asking
    asking.add("ab", GIB, run=GIB)
    with ThreadPoolExecutor(4) as clients:
        for answer in [clients.submit(invoke, asking.client, target("ab"[turn % 2]), [ROW]) for turn in range(20)]:
            assert answer.result() == [[2, 4, 6, 8]]
