"""The ledger: pure bookkeeping, checked against what must always hold."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mmebench.server.containers.pools import HOST
from mmebench.server.memory.ledger import Ledger
from mmebench.server.memory.resident import Resident


def entry(target: str, memory: int = 10, in_flight: int = 0, *, exempt: bool = False) -> Resident:
    return Resident(target, target, b"", exempt, {HOST: memory}, in_flight=in_flight)


def ledger(budget: int, *entries: Resident) -> Ledger:
    made = Ledger({HOST: budget})
    for each in entries:
        made.begin_load(each)
        made.end_load(each)
    return made


def names(entries: list[Resident]) -> list[str]:
    return [each.target for each in entries]


def test_nothing_goes_while_the_budget_holds() -> None:
    assert ledger(30, entry("a"), entry("b"), entry("c")).victims() == []


def test_the_least_recently_used_goes_first() -> None:
    book = ledger(30, a := entry("a"), entry("b"), entry("c"))
    book.use(a)
    book.begin_load(entry("d"))
    assert names(book.victims()) == ["b"]


def test_as_many_go_as_are_needed() -> None:
    book = ledger(30, entry("a"), entry("b"), entry("c"))
    book.begin_load(entry("d", memory=15))
    assert names(book.victims()) == ["a", "b"]


def test_the_busy_go_only_when_the_idle_do_not_suffice() -> None:
    book = ledger(30, entry("a", in_flight=1), entry("b"), entry("c", in_flight=2))
    book.begin_load(entry("d", memory=10))
    assert names(book.victims()) == ["b"]
    book.begin_load(entry("e", memory=10))
    assert names(book.victims()) == ["b", "a"]


def test_memory_is_not_free_before_the_unload_is_over_but_need_not_be_freed_twice() -> None:
    book = ledger(30, a := entry("a"), entry("b"), entry("c"))
    book.begin_load(entry("d"))
    book.begin_unload(a)
    assert book.used[HOST] == 40
    assert book.victims() == []
    book.end_unload(a)
    assert book.used[HOST] == 30


def test_service_models_neither_count_nor_go() -> None:
    book = ledger(20, entry("metrics", memory=1000, exempt=True), entry("a"), entry("b"))
    assert (book.used[HOST], book.victims(), book.loads) == (20, [], 2)
    assert book.snapshot().resident == ("a", "b")
    book.begin_load(entry("c"))
    assert names(book.victims()) == ["a"]


def test_loads_at_once_may_not_take_more_than_there_is() -> None:
    book = ledger(30, entry("a"))
    book.begin_load(entry("b", memory=20))
    assert book.may_load({HOST: 10})
    assert not book.may_load({HOST: 11})


def test_an_unload_that_fails_leaves_nothing_charged() -> None:
    book = ledger(30, a := entry("a"))
    book.begin_unload(a)
    book.abort_unload(a)
    assert (book.used[HOST], book.snapshot().resident) == (0, ())


def test_a_target_that_was_loaded_anew_is_not_forgotten_for_its_predecessor() -> None:
    old, new = entry("a"), entry("a")
    book = ledger(30, old)
    book.forget(old)
    book.begin_load(new)
    book.end_load(new)
    book.forget(old)
    assert book.resident["a"] is new


@given(st.lists(st.integers(1, 20), min_size=1, max_size=12), st.integers(1, 60), st.integers(1, 60))
def test_victims_suffice_and_none_goes_in_vain(sizes: list[int], budget: int, wanted: int) -> None:
    book = ledger(budget, *(entry(f"t{number}", size) for number, size in enumerate(sizes)))
    if not book.may_load({HOST: wanted}):
        return
    book.begin_load(entry("new", wanted))
    victims = book.victims()
    freed = sum(victim.memory[HOST] for victim in victims)
    assert book.used[HOST] - freed <= budget
    assert names(victims) == [f"t{number}" for number in range(len(victims))]
    assert not victims or book.used[HOST] - freed + victims[-1].memory[HOST] > budget


class LeastRecentlyUsed(RuleBasedStateMachine):
    """Any order of uses and loads leaves the ledger as a plain list of names would be."""

    @initialize(budget=st.integers(20, 60))
    def start(self, budget: int) -> None:
        self.book = Ledger({HOST: budget})
        self.model: list[tuple[str, int]] = []
        self.number = 0

    @rule(size=st.integers(1, 20))
    def load(self, size: int) -> None:
        self.number += 1
        fresh = entry(f"t{self.number}", size)
        self.book.begin_load(fresh)
        for victim in self.book.victims():
            self.book.begin_unload(victim)
            self.book.end_unload(victim)
        self.book.end_load(fresh)
        while sum(taken for _, taken in self.model) + size > self.book.budgets[HOST]:
            self.model.pop(0)
        self.model.append((fresh.target, size))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def use(self, data: st.DataObject) -> None:
        used = data.draw(st.sampled_from(self.model))
        self.book.use(self.book.resident[used[0]])
        self.book.resident[used[0]].in_flight -= 1
        self.model.remove(used)
        self.model.append(used)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "book"):
            assert self.book.snapshot().resident == tuple(name for name, _ in self.model)
            assert self.book.used[HOST] == sum(size for _, size in self.model) <= self.book.budgets[HOST]


TestLeastRecentlyUsed = LeastRecentlyUsed.TestCase
