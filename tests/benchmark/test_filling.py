import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest

from mmebench.benchmark.filling import fill
from mmebench.benchmark.kind import Copy, in_proportion
from mmebench.endpoints.counters import EndpointCounters
from mmebench.endpoints.endpoint import MemoryUse, Residency, TargetLoading
from mmebench.errors import MmebenchError
from mmebench.figures.copy_memory import (
    bounds_per_copy,
    bytes_per_copy,
    bytes_per_copy_before_growth,
    of_kinds,
)
from mmebench.record.run import Capacity, FirstInvocation
from mmebench.spec.hosting import Hosting
from mmebench.wire.runtime import InvocationError
from support.kinds import copies, packaged

ARCHIVE = Path("model.tar.gz")
COPY = 100


class SmallEndpoint:
    """Holds ``room`` targets of 100 bytes beside 50 bytes of its own, and evicts the least recently used."""

    name, url, region = "small", "http://127.0.0.1:0", "us-east-1"
    instance_type, container = "local", "a test"
    hosting: Hosting = "multi-model"
    prefix = ""
    loads_at_once = 1

    def __init__(self, room: int, refuses: bool = False) -> None:
        self.room = room
        self.refuses = refuses
        self.targets: set[str] = set()
        self.resident: list[str] = []
        self.grown: set[str] = set()
        self.evictions = 0

    def add_targets(self, archive: Path, targets: Iterable[str]) -> None:
        self.targets.update(targets)

    def remove_targets(self, targets: Iterable[str]) -> None:
        self.targets.difference_update(targets)

    def counters(self) -> EndpointCounters | None:
        return None

    def recent_loads(self) -> tuple[TargetLoading, ...]:
        return ()

    def invoke(self, copy: Copy) -> None:
        target = copy.target
        assert target in self.targets, "a target is added before it is invoked"
        if len(self.resident) == self.room:
            if self.refuses:
                raise InvocationError(f"{target}: ModelError: CUDA out of memory", "ModelError", 400)
            self.resident.pop(0)
            self.evictions += 1
        self.resident.append(target)

    def grow(self, copy: Copy) -> None:
        target = copy.target
        assert target == self.resident[-1], "a copy grows once it is loaded"
        self.grown.add(target)

    def residency(self) -> Residency | MemoryUse:
        used = 50 + COPY * len(self.grown & set(self.resident))
        return Residency(tuple(self.resident), len(self.targets), self.evictions, used, 1000)

    def measure(self) -> Residency | MemoryUse:
        return self.residency()

    def close(self) -> None:
        self.resident.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def test_the_first_eviction_ends_the_fill() -> None:
    endpoint, seen = SmallEndpoint(room=7), list[FirstInvocation]()
    capacity = fill(
        endpoint, copies(ARCHIVE, 100), endpoint.invoke, endpoint.grow, threshold=None, on_load=seen.append
    )
    assert (capacity.fits, capacity.limited_by) == (7, "eviction")
    assert capacity.bytes_per_copy == pytest.approx(COPY)
    assert [load.target for load in seen] == [f"m-v{number}.tar.gz" for number in range(7)]
    assert endpoint.evictions == 1


def test_a_refusal_for_memory_ends_the_fill() -> None:
    endpoint = SmallEndpoint(room=3, refuses=True)
    capacity = fill(
        endpoint, copies(ARCHIVE, 100), endpoint.invoke, endpoint.grow, threshold=None, on_load=lambda _: None
    )
    assert (capacity.fits, capacity.limited_by) == (3, "refused")


def test_a_threshold_leaves_room_for_no_further_copy() -> None:
    # 50 + 8 x 100 = 850; a ninth copy would be 950, over nine tenths of 1,000.
    endpoint = SmallEndpoint(room=100)
    capacity = fill(
        endpoint, copies(ARCHIVE, 100), endpoint.invoke, endpoint.grow, threshold=0.9, on_load=lambda _: None
    )
    assert (capacity.fits, capacity.limited_by) == (8, "threshold")
    assert endpoint.evictions == 0


def test_enough_is_enough() -> None:
    endpoint = SmallEndpoint(room=100)
    capacity = fill(
        endpoint, copies(ARCHIVE, 4), endpoint.invoke, endpoint.grow, threshold=None, on_load=lambda _: None
    )
    assert (capacity.fits, capacity.limited_by) == (4, "limit")


def test_not_even_one_copy() -> None:
    endpoint = SmallEndpoint(room=0, refuses=True)
    with pytest.raises(MmebenchError, match=r"copy 0 cannot be loaded: m-v0\.tar\.gz.*out of memory"):
        fill(endpoint, copies(ARCHIVE, 4), endpoint.invoke, endpoint.grow, threshold=None, on_load=lambda _: None)


def test_another_error_is_not_taken_for_full_memory() -> None:
    endpoint = SmallEndpoint(room=100)

    def invoke(copy: Copy) -> None:
        if copy.target == "m-v2.tar.gz":
            raise InvocationError(f"{copy.target}: ModelError: bad input", "ModelError", 400)
        endpoint.invoke(copy)

    with pytest.raises(MmebenchError, match="copy 2 cannot be loaded"):
        fill(endpoint, copies(ARCHIVE, 4), invoke, endpoint.grow, threshold=None, on_load=lambda _: None)


def test_memory_per_copy_is_a_slope() -> None:
    loads = [
        FirstInvocation(target=f"{n}", seconds=1, memory_loaded=1000 + 7 * n - 3, memory_used=1000 + 7 * n)
        for n in range(5)
    ]
    assert bytes_per_copy(loads) == pytest.approx(7)
    assert bytes_per_copy(loads[:1]) is None
    assert bounds_per_copy(loads) == pytest.approx((7, 7))
    assert bounds_per_copy(loads[:3]) is None
    assert bytes_per_copy_before_growth(loads) == pytest.approx(4)
    assert bytes_per_copy_before_growth(loads[:1]) is None


def test_the_bounds_hold_what_a_copy_takes_and_narrow_with_copies() -> None:
    random = np.random.default_rng(5)
    held, widths = 0, []
    for _ in range(60):
        noisy = [
            FirstInvocation(
                target=f"{n}", seconds=1, memory_loaded=0, memory_used=round(1e6 + 1e4 * n + random.normal(0, 3e3))
            )
            for n in range(20)
        ]
        bounds = bounds_per_copy(noisy)
        assert bounds is not None
        held += bounds[0] <= 1e4 <= bounds[1]
        widths.append(bounds[1] - bounds[0])
    assert held >= 50, "about 95 in 100"
    assert 0 < np.mean(widths) < 2e3


class SilentEndpoint(SmallEndpoint):
    """Says at most how much memory is in use; a copy.target that is not in memory takes 60 ms more."""

    def __init__(self, room: int, tells_memory: bool) -> None:
        super().__init__(room)
        self.tells_memory = tells_memory

    def invoke(self, copy: Copy) -> None:
        if copy.target in self.resident:
            self.resident.remove(copy.target)
            self.resident.append(copy.target)
        else:
            time.sleep(0.06)
            super().invoke(copy)

    def residency(self) -> MemoryUse:
        known = super().residency()
        return MemoryUse(known.memory_used, known.memory_budget) if self.tells_memory else MemoryUse()

    def measure(self) -> MemoryUse:
        return self.residency()


def test_memory_that_is_exhausted_by_asking_the_oldest_again_ends_the_fill() -> None:
    class FullEndpoint(SilentEndpoint):
        """Has no room for the one it has just evicted."""

        def invoke(self, copy: Copy) -> None:
            if copy.target in self.grown and copy.target not in self.resident:
                raise InvocationError(f"{copy.target}: out of memory", "ModelError", 507)
            super().invoke(copy)

    endpoint = FullEndpoint(3, tells_memory=False)
    capacity = fill(
        endpoint, copies(ARCHIVE, 100), endpoint.invoke, endpoint.grow, threshold=None, on_load=lambda _: None
    )
    assert (capacity.fits, capacity.limited_by) == (3, "refused")


@pytest.mark.parametrize("tells_memory", [True, False])
def test_an_eviction_that_nobody_counts_is_seen_by_a_copy_that_is_cold_again(tells_memory: bool) -> None:
    endpoint = SilentEndpoint(5, tells_memory)
    capacity = fill(
        endpoint, copies(ARCHIVE, 100), endpoint.invoke, endpoint.grow, threshold=None, on_load=lambda _: None
    )
    assert (capacity.fits, capacity.limited_by) == (5, "eviction")
    assert (capacity.bytes_per_copy is None) is not tells_memory


def test_a_large_copy_that_pushes_out_a_small_one_is_seen_though_memory_has_grown() -> None:
    """Of a fleet on an endpoint that says only what memory is in use."""

    class Uneven(SilentEndpoint):
        """Has room for 1,000 bytes of small copies of 100 and large ones of 300."""

        def invoke(self, copy: Copy) -> None:
            if copy.target in self.resident:
                self.resident.remove(copy.target)
            else:
                time.sleep(0.06)
                while self.used + size(copy.target) > 1000:
                    self.resident.pop(0)
            self.resident.append(copy.target)

        def grow(self, copy: Copy) -> None:
            pass

        @property
        def used(self) -> int:
            return sum(map(size, self.resident))

        def residency(self) -> MemoryUse:
            return MemoryUse(self.used, 1000)

    def size(target: str) -> int:
        return 100 if target.startswith("small") else 300

    endpoint = Uneven(0, tells_memory=True)
    kinds = [packaged(ARCHIVE, "small", share=1), packaged(ARCHIVE, "large", share=1)]
    capacity = fill(
        endpoint,
        in_proportion(kinds),
        endpoint.invoke,
        endpoint.grow,
        threshold=None,
        on_load=lambda _: None,
        kinds=["small", "large"],
    )
    assert (capacity.fits, capacity.limited_by) == (5, "eviction")
    small, large = capacity.kinds
    assert (small.fits, small.bytes_per_copy, large.fits, large.bytes_per_copy) == (3, 100, 2, 300)


class ManyHanded:
    """Of an endpoint: loads four at once, each in 50 ms; for an endpoint that evicts or refuses at any number."""

    loads_at_once = 4

    def __init__(self, room: int, *, budget: int = 1000, refuses: bool = False, silent: bool = False) -> None:
        self.shares = False
        """Whether loads slow each other down."""
        self.small = SmallEndpoint(room, refuses)
        self.budget = budget
        self.silent = silent
        self.lock = threading.Lock()
        self.loading: set[str] = set()
        self.together: dict[str, int] = {}
        """The most targets that were loading while this one was, itself included."""
        self.ahead: list[int] = []
        """How many were added and not asked for yet, whenever one was asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.small, name)

    def invoke(self, copy: Copy) -> None:
        with self.lock:
            if copy.target in self.small.resident:
                self.small.resident.remove(copy.target)
                self.small.resident.append(copy.target)
                return
            self.ahead.append(len(self.small.targets) - len(self.together))
            self.loading.add(copy.target)
            for target in self.loading:
                self.together[target] = max(self.together.get(target, 0), len(self.loading))
        time.sleep(0.05)
        if self.shares:
            time.sleep(0.05 * (len(self.loading) - 1))
        with self.lock:
            self.loading.remove(copy.target)
            self.small.invoke(copy)

    def grow(self, copy: Copy) -> None:
        with self.lock:
            self.small.grown.add(copy.target)

    def residency(self) -> Residency | MemoryUse:
        with self.lock:
            used = 50 + COPY * len(self.small.grown & set(self.small.resident))
            if self.silent:
                return MemoryUse(used, self.budget)
            return Residency(tuple(self.small.resident), 0, self.small.evictions, used, self.budget)

    def measure(self) -> Residency | MemoryUse:
        return self.residency()


def fill_it(endpoint: Any, count: int = 100, threshold: float | None = None) -> Capacity:
    archives = copies(ARCHIVE, count)
    return fill(endpoint, archives, endpoint.invoke, endpoint.grow, threshold=threshold, on_load=lambda _: None)


@pytest.mark.parametrize("silent", [False, True])
def test_what_there_is_surely_room_for_comes_as_many_at_once_as_the_endpoint_loads(silent: bool) -> None:
    endpoint = ManyHanded(20, budget=2090, silent=silent)
    capacity = fill_it(endpoint)
    assert (capacity.fits, capacity.limited_by) == (20, "eviction")
    assert [load.beside for load in capacity.loads] == [0] * 3 + [3] * 16 + [0]
    assert [endpoint.together[load.target] - 1 for load in capacity.loads] == [
        load.beside for load in capacity.loads
    ]
    assert [load.target for load in capacity.loads] == [f"m-v{number}.tar.gz" for number in range(20)]
    assert capacity.bytes_per_copy == pytest.approx(COPY)
    assert capacity.bytes_per_copy_bounds == pytest.approx((COPY, COPY))
    assert [load.memory_used is None for load in capacity.loads[3:7]] == [True, True, True, False]
    assert len(capacity.cold_starts) == 4
    assert max(endpoint.ahead) == 8, "the next four are added while these are loaded"


def test_a_limit_and_a_threshold_are_as_they_are_one_by_one() -> None:
    assert (fill_it(ManyHanded(100), 9).fits, fill_it(ManyHanded(100), 9).limited_by) == (9, "limit")
    found = fill_it(ManyHanded(100), threshold=0.9)
    assert (found.fits, found.limited_by) == (8, "threshold")


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("room", [8, 9, 10])
def test_an_endpoint_that_evicts_before_its_budget_is_used_holds_what_is_left(room: int, silent: bool) -> None:
    """Which comes out while four are loaded, of which some had room."""
    capacity = fill_it(ManyHanded(room, budget=100_000, silent=silent))
    assert (capacity.fits, capacity.limited_by) == (room, "eviction")
    assert len(capacity.loads) == room


@pytest.mark.parametrize("room", [7, 8, 9, 10])
def test_so_does_one_whose_loads_slow_each_other_down(room: int) -> None:
    """Beside others each took several times as long to load as it takes to come back."""
    endpoint = ManyHanded(room, budget=100_000, silent=True)
    endpoint.shares = True
    capacity = fill_it(endpoint)
    assert (capacity.fits, capacity.limited_by) == (room, "eviction")


@pytest.mark.parametrize("room", [4, 9, 11])
def test_one_that_refuses_before_its_budget_is_used_holds_what_was_loaded(room: int) -> None:
    capacity = fill_it(ManyHanded(room, budget=100_000, refuses=True))
    assert (capacity.fits, capacity.limited_by) == (room, "refused")


def test_a_copy_that_fails_beside_others_is_named() -> None:
    endpoint = ManyHanded(100)

    def invoke(copy: Copy) -> None:
        if copy.target == "m-v5.tar.gz":
            raise InvocationError(f"{copy.target}: ModelError: bad input", "ModelError", 400)
        endpoint.invoke(copy)

    with pytest.raises(MmebenchError, match=r"cannot be loaded: m-v5\.tar\.gz: ModelError: bad input"):
        fill(endpoint, copies(ARCHIVE, 9), invoke, endpoint.grow, threshold=None, on_load=lambda _: None)


def in_turns(random: np.random.Generator) -> list[FirstInvocation]:
    """Two copies of photos for one of reviews; the first of each holds what all of its kind share."""
    used = 0
    loads: list[FirstInvocation] = []
    for number in range(40):
        kind, each, shared = [("photos", 1000, 300), ("reviews", 2500, 900)][number % 3 == 2]
        first = kind not in {load.kind for load in loads}
        used += each + shared * first + round(random.normal(0, 50))
        loads.append(FirstInvocation(target=f"{number}", kind=kind, seconds=1, memory_used=used))
    return loads


def test_what_kinds_take_is_told_apart_where_they_come_in_turns() -> None:
    photos, reviews = of_kinds(in_turns(np.random.default_rng(7)), ["photos", "reviews"])
    assert (photos.fits, reviews.fits) == (27, 13)
    assert photos.bytes_per_copy == pytest.approx(1000, abs=40)
    assert reviews.bytes_per_copy == pytest.approx(2500, abs=40)
    assert photos.bytes_shared == pytest.approx(300, abs=200)
    assert reviews.bytes_shared == pytest.approx(900, abs=200)


def test_the_bounds_of_kinds_hold_what_a_copy_takes() -> None:
    random = np.random.default_rng(5)
    held, widths = 0, []
    for _ in range(60):
        for known, each in zip(of_kinds(in_turns(random), ["photos", "reviews"]), (1000, 2500), strict=True):
            assert known.bytes_per_copy_bounds is not None
            low, high = known.bytes_per_copy_bounds
            held += low <= each <= high
            widths.append(high - low)
    assert held >= 105, "about 95 in 100 of 120; a bootstrap of a dozen copies is a little narrow"
    assert np.mean(widths) < 60


def test_of_a_single_copy_it_is_what_that_added() -> None:
    """As of a folder of archives, of which each is one target."""
    loads = [
        FirstInvocation(target=name, kind=name, seconds=1, memory_used=used)
        for name, used in (("a", 100), ("b", 350))
    ]
    first, second = of_kinds(loads, ["a", "b"])
    assert (first.fits, first.bytes_per_copy, first.bytes_shared) == (1, 100, 0)
    assert (second.bytes_per_copy, second.bytes_per_copy_bounds) == (250, None)
    (none,) = of_kinds(loads, ["c"])
    assert (none.fits, none.bytes_per_copy) == (0, None)
    (unknown,) = of_kinds([load.model_copy(update={"memory_used": None}) for load in loads * 3], ["a"])
    assert (unknown.fits, unknown.bytes_per_copy) == (3, None)
