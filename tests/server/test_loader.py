"""Loading and evicting around a container that does what it is told, with no server and no files."""

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest

from mmebench.endpoints.counters import TargetCounters
from mmebench.gpus.gpu import Gpu
from mmebench.server.containers.container import Container, ContainerDownError, LoadError, OutOfMemoryError
from mmebench.server.containers.pools import HOST, Memory
from mmebench.server.endpoint_metrics import EndpointMetrics
from mmebench.server.memory.ledger import Ledger
from mmebench.server.memory.loader import Loader, model_id
from mmebench.server.memory.resident import Resident
from mmebench.server.memory.store import ArchiveStore, Content, Materialised
from mmebench.wire.target_names import TargetError


class FakeContainer:
    """Holds ``sizes`` of targets, and at most ``capacity`` of them."""

    measures_memory = True
    loads_alone = False
    by_growth = False

    def __init__(self, sizes: dict[str, int], capacity: int = 100) -> None:
        self.sizes = {model_id(target): size for target, size in sizes.items()}
        self.names = {model_id(target): target for target in sizes}
        self.capacity = capacity
        self.loaded: set[str] = set()
        self.calls: list[str] = []
        self.ready = asyncio.Event()
        self.ready.set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.fail: Exception | None = None
        self.on_death: Callable[[], None] = lambda: None
        self.largest = 0

    def directory(self, model: str) -> Path:
        return Path(model)

    def remove_files(self, model: str) -> None:
        """Nothing is on disk."""

    def answer_names(self, model: str, target: str) -> tuple[bytes, bytes]:
        return b"", b""

    def request_line(self, model: str) -> bytes:
        return model.encode()

    async def load(self, model: str, target: str) -> None:
        self.calls.append(f"load {self.names[model]}")
        await self.gate.wait()
        await asyncio.sleep(0)
        if self.fail is not None:
            raise self.fail
        if len(self.loaded) == self.capacity:
            raise OutOfMemoryError(507, "out of memory")
        self.loaded.add(model)
        self.largest = max(self.largest, sum(self.sizes[each] for each in self.loaded))

    async def unload(self, model: str) -> None:
        self.calls.append(f"unload {self.names[model]}")
        await asyncio.sleep(0)
        self.loaded.discard(model)

    async def reload(self, model: str, target: str) -> None:
        self.calls.append(f"reload {self.names[model]}")

    async def counters(self) -> dict[str, TargetCounters]:
        return {}

    async def memory(self, models: Collection[str], ran: Collection[str] = ()) -> dict[str, Memory]:
        return {model: {HOST: self.sizes[model]} for model in models if model in self.loaded}


class FakeStore:
    """Every archive has a content of its own, which looks small until it is loaded."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes
        self.discarded: list[str] = []

    def find(self, target: str) -> Path:
        if target not in self.sizes:
            raise TargetError(target)
        return Path(target)

    def materialise(self, target: str, directory: Path) -> Materialised:
        return Materialised(Content(target, directory, 1))

    def discard(self, digest: str) -> None:
        self.discarded.append(digest)


def scenario(
    sizes: dict[str, int],
    budget: int,
    play: Callable[[Loader, FakeContainer], Coroutine[Any, Any, None]],
    capacity: int = 100,
    **options: Any,
) -> FakeStore:
    store = FakeStore(sizes)

    async def run() -> None:
        container = FakeContainer(sizes, capacity)
        options.setdefault("concurrency", 2)
        loader = Loader(
            Ledger({HOST: budget}),
            cast(ArchiveStore, store),
            cast(Container, container),
            EndpointMetrics(),
            **options,
        )
        await asyncio.wait_for(play(loader, container), 10)
        await loader.evictor.close()

    asyncio.run(run())
    return store


async def use(loader: Loader, target: str) -> Resident:
    entry = await loader.acquire(target)
    loader.release(entry)
    return entry


def test_many_wait_for_one_load() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        container.gate.clear()
        waiting = [asyncio.create_task(loader.acquire("a")) for _ in range(20)]
        await asyncio.sleep(0.05)
        container.gate.set()
        entries = await asyncio.gather(*waiting)
        assert container.calls == ["load a"]
        assert {id(entry) for entry in entries} == {id(entries[0])}
        assert entries[0].in_flight == 20

    scenario({"a": 10}, 100, play)


def test_the_load_outlives_who_asked_for_it() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        container.gate.clear()
        asking = asyncio.create_task(loader.acquire("a"))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.sleep(0)
        container.gate.set()
        entry = await loader.acquire("a")
        assert container.calls == ["load a"]
        assert entry.in_flight == 1

    scenario({"a": 10}, 100, play)


def test_a_failure_reaches_all_who_wait_and_the_next_tries_again() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        container.fail = LoadError(400, "broken")
        results = await asyncio.gather(*(loader.acquire("a") for _ in range(3)), return_exceptions=True)
        assert [str(result) for result in results] == ["broken"] * 3
        assert loader.ledger.used[HOST] == 0
        container.fail = None
        assert (await loader.acquire("a")).in_flight == 1

    scenario({"a": 10}, 100, play)


def test_one_that_is_just_being_evicted_keeps_no_other_from_being_loaded() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        await use(loader, "a")
        unloading = asyncio.Event()

        async def unload(model: str) -> None:
            await unloading.wait()
            container.loaded.discard(model)

        container.unload = unload  # type: ignore[method-assign]
        loader.evictor.spawn(loader.evictor.unload(loader.ledger.resident["a"]))
        loader.ledger.begin_unload(loader.ledger.resident["a"])
        again = asyncio.create_task(loader.acquire("a"))
        await asyncio.sleep(0.05)
        assert (await use(loader, "b")).target == "b"
        assert not again.done()
        unloading.set()
        assert (await again).target == "a"

    scenario({"a": 10, "b": 10}, 100, play, concurrency=1)


def test_an_unknown_target_does_not_wait_behind_loads() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        container.gate.clear()
        busy = [asyncio.create_task(loader.acquire(target)) for target in ("a", "b")]
        await asyncio.sleep(0.05)
        with pytest.raises(TargetError):
            await loader.acquire("nothing")
        container.gate.set()
        await asyncio.gather(*busy)

    scenario({"a": 10, "b": 10}, 100, play)


def test_what_a_load_really_took_counts() -> None:
    """The first estimate is one byte; once measured, the copies are known to take forty."""

    async def play(loader: Loader, container: FakeContainer) -> None:
        for target in ("a", "b", "c"):
            await use(loader, target)
        await asyncio.sleep(0.01)
        assert list(loader.ledger.resident) == ["b", "c"]
        assert loader.ledger.used[HOST] == 80
        await use(loader, "a")
        assert container.calls[-2:] == ["unload b", "load a"]

    scenario(dict.fromkeys("abc", 40), 100, play)


def test_what_a_first_inference_took_counts_whatever_was_measured_since() -> None:
    """Here the load of another target."""

    async def play(loader: Loader, container: FakeContainer) -> None:
        first = await loader.acquire("a")
        container.gate.clear()
        other = asyncio.create_task(use(loader, "b"))
        while "load b" not in container.calls:
            await asyncio.sleep(0.001)
        container.sizes[model_id("a")] = 60
        loader.release(first)
        container.gate.set()
        await other
        await use(loader, "c")
        await loader.evictor.until(lambda: not loader.ledger.over() and not loader.ledger.unloading)
        assert list(loader.ledger.resident) == ["b", "c"]

    scenario(dict.fromkeys("abc", 25), 100, play)


def test_the_container_says_that_it_is_full() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        for target in ("a", "b", "c"):
            await use(loader, target)
        assert container.calls == ["load a", "load b", "load c", "unload a", "load c"]
        assert loader.ledger.evictions == 1

    scenario(dict.fromkeys("abc", 10), 1000, play, capacity=2)


def test_a_container_that_is_full_with_nothing_in_it() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        with pytest.raises(OutOfMemoryError):
            await loader.acquire("a")
        assert loader.ledger.used[HOST] == 0

    scenario({"a": 10}, 1000, play, capacity=0)


def test_a_target_larger_than_the_budget_does_not_stay() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        await use(loader, "small")
        for _ in range(2):
            with pytest.raises(OutOfMemoryError, match="give the endpoint more memory"):
                await loader.acquire("large")
        assert container.calls == ["load small", "load large", "unload large"]
        assert list(loader.ledger.resident) == ["small"]

    scenario({"small": 10, "large": 101}, 100, play)


def test_a_busy_target_is_drained_before_it_goes() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        await use(loader, "b")  # so that its size is known
        await loader.acquire("a")
        busy = loader.ledger.resident["a"]
        asking = asyncio.create_task(loader.acquire("b"))
        await asyncio.sleep(0.05)
        assert "unload a" not in container.calls
        again = asyncio.create_task(loader.acquire("a"))  # waits for its own eviction
        await asyncio.sleep(0.05)
        loader.release(busy)
        loader.release(await asking)
        entry = await again
        assert entry is not busy
        assert container.calls.index("unload a") < container.calls.index("load b", 2)

    scenario({"a": 60, "b": 60}, 100, play)


def test_the_budget_holds_under_any_pressure() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        for target in "abcdefgh":  # sizes get known
            await use(loader, target)
        container.largest = 0

        async def ask(number: int) -> None:
            for turn in range(20):
                entry = await loader.acquire("abcdefgh"[(number * 3 + turn) % 8])
                await asyncio.sleep(0)
                assert entry.model in container.loaded, "a request reached a target that is not in memory"
                loader.release(entry)

        await asyncio.gather(*(ask(number) for number in range(12)))
        assert not loader.ledger.loading
        assert not loader.ledger.unloading

    scenario(dict(zip("abcdefgh", (10, 20, 30, 40, 50, 60, 70, 30), strict=True)), 100, play)


def test_service_models_load_whatever_the_budget_says() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        await use(loader, "a")
        await use(loader, "server_metrics.tar.gz")
        await use(loader, "a")
        assert loader.ledger.snapshot().resident == ("a",)
        assert loader.ledger.loads == 1
        assert loader.ledger.evictions == 0

    scenario({"a": 100, "server_metrics.tar.gz": 500}, 100, play)


def test_the_container_died() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        entry = await loader.acquire("a")
        container.loaded.clear()
        container.on_death()
        assert not loader.ledger.resident
        again = await loader.acquire("a")
        assert again is not entry
        loader.release(entry)
        assert again.in_flight == 1

    scenario({"a": 10}, 100, play)


def test_nothing_is_loaded_while_the_container_is_down() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        container.ready.clear()
        asking = asyncio.create_task(loader.acquire("a"))
        await asyncio.sleep(0.05)
        assert not container.calls
        container.ready.set()
        assert (await asking).target == "a"

    scenario({"a": 10}, 100, play)


def test_many_find_a_dead_model_and_one_revives_it() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        entries = [await loader.acquire("a") for _ in range(5)]

        async def heal(entry: Resident) -> Resident:
            loader.release(entry)
            loader.revive(entry)
            return await loader.acquire("a")

        healed = await asyncio.gather(*(heal(entry) for entry in entries))
        assert container.calls == ["load a", "reload a"]
        assert {id(entry) for entry in healed} == {id(healed[0])}
        assert healed[0] is not entries[0]
        assert (entries[0].in_flight, healed[0].in_flight) == (0, 5)

    scenario({"a": 10}, 100, play)


def test_an_unload_that_fails_does_not_block_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        await use(loader, "a")
        await use(loader, "b")

        async def refuse(model: str) -> None:
            raise ContainerDownError("no answer")

        monkeypatch.setattr(container, "unload", refuse)  # it breaks at this moment
        entry = await use(loader, "c")
        assert entry.target == "c"
        assert loader.ledger.evictions == 0

    scenario({"a": 40, "b": 40, "c": 40}, 100, play)


def test_no_more_are_loaded_at_once_than_were_asked_for() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        container.gate.clear()
        asking = [asyncio.create_task(use(loader, target)) for target in "abcdef"]
        await asyncio.sleep(0.05)
        assert len(container.calls) == 4
        container.gate.set()
        await asyncio.gather(*asking)

    scenario(dict.fromkeys("abcdef", 1), 100, play, concurrency=4)


def test_without_caching_a_target_goes_when_its_last_request_is_over() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        first, second = await loader.acquire("a"), await loader.acquire("a")
        loader.release(first)
        await asyncio.sleep(0.05)
        assert container.calls == ["load a"]
        loader.release(second)
        assert (await loader.acquire("a")).in_flight == 1  # it waits for the unload
        assert container.calls == ["load a", "unload a", "load a"]
        assert loader.ledger.evictions == 0

    store = scenario({"a": 10}, 100, play, caching=False)
    assert store.discarded == ["a"]


def test_without_caching_a_target_goes_that_nobody_waits_for_any_more() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        container.gate.clear()
        asking = asyncio.create_task(loader.acquire("a"))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.sleep(0)
        container.gate.set()
        await asyncio.sleep(0.05)
        assert container.calls == ["load a", "unload a"]
        assert not loader.ledger.resident

    scenario({"a": 10}, 100, play, caching=False)


def test_targets_that_are_placed_at_once_do_not_crowd_one_gpu() -> None:
    """The second is placed while the first is being placed, before anything of it is charged."""
    both = threading.Barrier(2, timeout=30)
    placed: list[int] = []

    async def play(loader: Loader, container: FakeContainer) -> None:
        def place(model: str, gpu: int) -> int:
            placed.append(gpu)
            both.wait()
            return gpu

        container.place = place  # type: ignore[attr-defined]
        loader.ledger.gpus = [Gpu(number, f"GPU-{number}", "NVIDIA H100", 100) for number in range(2)]
        await asyncio.gather(use(loader, "a"), use(loader, "b"))

    scenario({"a": 1, "b": 1}, 10, play)
    assert sorted(placed) == [0, 1]


def test_a_target_that_is_loaded_anew_is_where_it_was() -> None:
    async def play(loader: Loader, container: FakeContainer) -> None:
        entry = await use(loader, "a")
        entry.gpu = 1
        loader.revive(entry)
        assert (await use(loader, "a")).gpu == 1

    scenario({"a": 1}, 10, play)
