"""Memory of several kinds: who must go, where a target comes to lie, and what a copy of it will take."""

from hypothesis import given
from hypothesis import strategies as st

from mmebench.gpus.gpu import Gpu
from mmebench.server.containers.pools import HOST, Memory, gpu_pool, grown, in_words, moved
from mmebench.server.memory.ledger import Ledger
from mmebench.server.memory.resident import Estimate, Resident

POOLS = (HOST, gpu_pool(0), gpu_pool(1))
GPUS = tuple(Gpu(number, f"GPU-{number}", "NVIDIA H100", 100) for number in range(2))

sizes = st.integers(1, 20)
memories = st.one_of(
    st.fixed_dictionaries({HOST: sizes}),
    st.fixed_dictionaries({HOST: sizes, gpu_pool(0): sizes}),
    st.fixed_dictionaries({HOST: sizes, gpu_pool(1): sizes}),
    st.fixed_dictionaries({HOST: sizes, gpu_pool(0): sizes, gpu_pool(1): sizes}),
)
budgets = st.fixed_dictionaries(dict.fromkeys(POOLS, st.integers(20, 100)))


def entry(target: str, memory: Memory, gpu: int | None = None) -> Resident:
    return Resident(target, target, b"", memory=memory, gpu=gpu)


def ledger(budgets: Memory, *memories: Memory) -> Ledger:
    made = Ledger(budgets, GPUS)
    for number, memory in enumerate(memories):
        made.begin_load(each := entry(f"t{number}", memory))
        made.end_load(each)
    return made


@given(budgets, st.lists(memories, max_size=12), memories)
def test_victims_suffice_and_each_frees_what_is_wanted(
    budgets: Memory, resident: list[Memory], wanted: Memory
) -> None:
    book = ledger(budgets, *resident)
    book.begin_load(entry("new", wanted))
    used, victims = book.used, book.victims()
    excess = {pool: used[pool] - budget for pool, budget in budgets.items()}
    for victim in victims:
        assert any(excess[pool] > 0 and victim.memory.get(pool, 0) > 0 for pool in POOLS), "in vain"
        for pool in POOLS:
            excess[pool] -= victim.memory.get(pool, 0)
    assert all(size <= 0 for size in excess.values()), "each alone fits, so all others suffice"
    order = [each.target for each in book.resident.values()]
    assert sorted(victims, key=lambda victim: order.index(victim.target)) == victims, "least recently used first"


@given(budgets, st.lists(memories, max_size=12))
def test_a_target_comes_where_most_room_is(budgets: Memory, resident: list[Memory]) -> None:
    book = ledger(budgets, *resident)
    room = [budgets[gpu_pool(number)] - book.used[gpu_pool(number)] for number in range(2)]
    place = book.place(lambda _: {})
    assert place is not None
    assert room[place] == max(room)
    book.promised["promised"] = {gpu_pool(place): max(room) - min(room) + 1}
    assert book.place(lambda _: {}) == 1 - place
    book.begin_load(entry("promised", {gpu_pool(place): 0}))
    assert book.place(lambda _: {}) == place, "what is charged is no promise any more"


def test_without_gpus_there_is_no_place() -> None:
    assert Ledger({HOST: 10}).place(lambda _: {}) is None


def test_who_is_sacrificed_is_on_the_same_gpu_if_anybody_is() -> None:
    book = ledger({}, {gpu_pool(0): 1}, {gpu_pool(1): 1}, {HOST: 1})
    assert book.sacrifice(entry("new", {}, gpu=1)) is book.resident["t1"]
    book.begin_unload(book.resident["t1"])
    assert book.sacrifice(entry("new", {}, gpu=1)) is book.resident["t0"]
    assert book.sacrifice(entry("new", {})) is book.resident["t0"]


@given(budgets, st.lists(memories, max_size=6), st.integers(0, 200))
def test_others_take_of_a_budget_and_give_it_back(budgets: Memory, resident: list[Memory], room: int) -> None:
    book = ledger(budgets, *resident)
    pool = gpu_pool(0)
    book.limit(pool, room)
    assert book.budgets[pool] == min(room, budgets[pool])
    said = book.shortage(entry("new", {}), {pool: budgets[pool]})
    assert (said is None) == (room >= budgets[pool])
    assert said is None or "others leave" in said
    book.limit(pool, 1000)
    assert book.budgets == budgets
    assert "may use" in (book.shortage(entry("new", {}), {pool: 1001}) or "")
    assert book.shortage(Resident("m", "m", b"", exempt=True), {pool: 1001}) is None


@given(st.lists(st.tuples(memories, st.sampled_from([None, 0, 1])), min_size=1))
def test_an_estimate_is_the_largest_of_a_gpu_and_the_last_of_the_host(
    seen: list[tuple[Memory, int | None]],
) -> None:
    seen = [
        ({HOST: memory[HOST]} | ({} if gpu is None else {gpu_pool(gpu): memory[HOST]}), gpu)
        for memory, gpu in seen
    ]
    estimate = Estimate({}, None)
    largest = 0
    for memory, gpu in seen:
        estimate = estimate.learned(memory, gpu)
        if gpu is not None:
            largest = max(largest, memory[gpu_pool(gpu)])
        assert estimate.memory[HOST] == memory[HOST]
    if all(gpu is not None for _, gpu in seen):
        for gpu in (0, 1):
            assert estimate.on(gpu) == {HOST: seen[-1][0][HOST], gpu_pool(gpu): largest}


def test_a_copy_that_has_not_grown_yet_is_expected_to() -> None:
    assert grown({HOST: 3}, {HOST: 9, gpu_pool(0): 5}) == {HOST: 3, gpu_pool(0): 5}
    assert grown({HOST: 3, gpu_pool(0): 7}, {gpu_pool(0): 5}) == {HOST: 3, gpu_pool(0): 7}


def test_memory_moves_with_its_gpu_only() -> None:
    assert moved({HOST: 1, gpu_pool(0): 2}, 0, 1) == {HOST: 1, gpu_pool(1): 2}
    assert moved({HOST: 1}, None, 1) == {HOST: 1}


def test_memory_in_words() -> None:
    assert in_words({HOST: 2**20}) == "1 MiB"
    assert in_words({HOST: 2**20, gpu_pool(0): 2**30}) == "1 GiB of gpu 0 and 1 MiB of host memory"
