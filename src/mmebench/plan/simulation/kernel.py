"""The simulation itself: requests over instances that hold some of the models, compiled.

Each instance is two stations that share its time. Requests *in service* progress at a speed that depends on how
many of them, and how many loads, there are at once; so do loads. A speed of 1 is that of a request, or a load, of
which nothing else is in the way. A request for a model that is not in memory starts its load, evicts what was used
least recently to make room, and waits; so do the requests for it that come until it is loaded. Where as many loads
as may go on at once, it waits for its turn, and takes no room until then. What serves a
request is not evicted before that is answered: where nothing else is left, no new request reaches what was used
least recently, and it goes when it has answered those that it has, as the local endpoint does it.

An event is a request that comes, one that is answered, a load that ends, or an instance that comes or goes. Each
instance keeps its own clocks, in work done and not in seconds, so that its heaps stay as they are when its speed
changes.

All that is compiled is in this one file: what numba keeps of a function is thrown away when the function's own
file changes, and not when one does that it calls into.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Table = npt.NDArray[Any]
"""An array, most often a structured one, which compiled functions take by itself."""
Record = Any
"""One of a structured array: what is written to it is written to the array."""

RANDOM, HASHED, LEAST_OUTSTANDING, STICKY = range(4)
"""How a request finds its instance."""
COPIES = 32
"""Most instances on which a sticky router keeps copies of one model."""
IN_FLIGHT = 4096
"""Requests on one instance from which on it will hardly catch up."""

REQUEST = np.dtype(
    [
        ("time", np.float64),  # when it comes; in a closed loop, at the earliest
        ("started", np.float64),  # when it came
        ("latency", np.float32),  # seconds; NaN where it was lost, or nobody answered it
        ("target", np.int32),
        ("slot", np.int32),
        ("following", np.int32),  # the next one in its queue
        ("chance", np.uint16),  # the quantile of the work that it has, and of its load
        ("cold", np.uint8),  # whether it waited for a load: one of the three below
    ],
    align=True,
)
WARM, WAITED, BEGAN_A_LOAD = range(3)

SPEED = np.dtype([("serving", np.float64), ("loading", np.float64)])
"""Of each request and of each load, ``[requests at once, loads at once]``; beyond a table, the total stays."""
MEMORY = np.dtype([("copy", np.int64), ("shared", np.int64)])
"""Of a kind: what each copy takes, and what the first one takes beside that."""

_INSTANCE = np.dtype(
    [
        ("clock", np.float64),  # seconds
        ("served", np.float64),  # work that a request has had that is in service from the beginning
        ("loaded", np.float64),  # the same of a load
        ("serving_speed", np.float64),  # since the clock, and until its next event
        ("loading_speed", np.float64),
        ("used", np.int64),  # memory
        ("serving", np.int32),
        ("loading", np.int32),
        ("waiting", np.int32),  # requests, for a load, its turn, or for room
        ("queued", np.int32),  # those of them that wait for its turn or for room
        ("leaving", np.int32),  # slots
        ("free", np.int32),  # slots
        ("first", np.int32),  # of those that are queued, or -1
        ("last", np.int32),
        ("load_is_next", np.bool_),  # whether its next event is the end of a load
    ],
    align=True,
)
_SLOT = np.dtype(
    [
        ("target", np.int32),
        ("older", np.int32),  # neighbours by last use
        ("newer", np.int32),
        ("users", np.int32),  # requests and loads that keep it
        ("waiting", np.int32),  # the last request that waits for its load, or -1
        ("free", np.int32),  # of the stack of slots that are free
        ("ready", np.bool_),
        ("leaving", np.bool_),  # when its users have gone
    ],
    align=True,
)
_JOB = np.dtype([("done", np.float64), ("number", np.int32)], align=True)
"""In a heap: how much work there will have been when it is done; a request, or the slot of a load."""

_compiled = njit(cache=True, error_model="numpy")
"""When it is first called; what came of it is kept for later processes."""

_NEVER = np.inf
_NONE = -1


class Hardware(NamedTuple):
    """What an instance is like."""

    speed: Table
    work: npt.NDArray[np.float64]
    """Seconds of a request of a kind at speed 1, ``[kind, level, quantile]``."""
    level: npt.NDArray[np.int32]
    """Which level of ``work`` goes with so many requests; beyond the last one, the last."""
    load_work: npt.NDArray[np.float64]
    """Seconds of a load of a kind at speed 1, ``[kind, quantile]``."""
    memory: Table
    budget: int
    loads_at_once: int = 1 << 30
    """No more of them go on at a time; the others wait, and take no memory yet."""


class Fleet(NamedTuple):
    """What is hosted, and on how many instances."""

    kinds: npt.NDArray[np.uint8]
    """Of each model, the most popular first."""
    pinned: int
    """So many of the most popular are never evicted, once they are in memory."""
    step_times: npt.NDArray[np.float64]
    """When the number of instances changes, ascending, the first at 0; ``step_counts``: to what."""
    step_counts: npt.NDArray[np.int64]
    routing: int
    busy: int
    """Requests in service on an instance from which on a sticky router makes another copy elsewhere."""
    users: int
    """Of a closed loop, each of whom asks again when answered; 0 in an open one."""
    filled: bool
    """Whether the most popular models are in memory at first."""


def simulate(requests: Table, hardware: Hardware, fleet: Fleet, in_flight: int = IN_FLIGHT) -> bool:
    """Serve all requests, and write into them how each went; False where an instance could not keep up.

    Args:
        requests: of :data:`REQUEST`, by time, with time, target and chance.
        hardware, fleet: on what.
        in_flight: requests on one instance from which on it counts as one that will never catch up.
    """
    most = int(fleet.step_counts.max())
    slots = int(min(len(fleet.kinds), hardware.budget // hardware.memory["copy"].min()))
    leaves = 1 << max(most - 1, 0).bit_length()
    requests["latency"], requests["started"], requests["cold"] = np.nan, np.nan, WARM
    requests["following"] = requests["slot"] = _NONE
    users = fleet.users or len(requests)
    done: bool = _run(
        requests,
        np.zeros(most, _INSTANCE),
        np.zeros((most, slots + 2), _SLOT),
        np.empty((most, min(in_flight, users + 1) + 1), _JOB),
        np.empty((most, slots), _JOB),
        np.zeros((most, len(hardware.memory)), np.int32),
        np.full((most, len(fleet.kinds)), _NONE, np.int16 if slots < 2**15 else np.int32),
        np.full((len(fleet.kinds) if fleet.routing == STICKY else 1, min(COPIES, most)), _NONE, np.int16),
        np.full(leaves, _NEVER),
        np.zeros(2 * leaves, np.int32),
        *tuple[Any, ...](hardware),
        *tuple[Any, ...](fleet),
    )
    return done


@_compiled
def _run(
    requests: Table,
    instances: Table,
    slots: Table,
    in_service: Table,
    loads: Table,
    held: Table,
    slot_of: Table,
    homes: Table,
    next_at: Table,
    tree: Table,
    speed: Table,
    work: Table,
    level: Table,
    load_work: Table,
    memory: Table,
    budget: int,
    loads_at_once: int,
    kinds: Table,
    pinned: int,
    step_times: Table,
    step_counts: Table,
    routing: int,
    busy: int,
    users: int,
    filled: bool,
) -> bool:
    """All arrays that there are: a compiled function takes each by itself."""
    sticky = routing == STICKY
    leaves = len(next_at)
    for place in range(leaves):
        tree[leaves + place] = place
    for place in range(leaves - 1, 0, -1):
        tree[place] = tree[2 * place]
    for number in range(len(instances)):
        _clear(instances[number], slots[number])
    active, step = step_counts[0], 1
    if filled:
        _fill(instances, slots, held, slot_of, homes, memory, budget, kinds, pinned, active, routing)
    upcoming, idle, now = 0, users, 0.0
    while True:
        comes = _NEVER
        if upcoming < len(requests):
            if users == 0:
                comes = requests[upcoming].time
            elif idle > 0:
                comes = max(now, requests[upcoming].time)
        number = tree[1]
        happens = next_at[number]
        if comes == _NEVER and happens == _NEVER:
            return True
        if step < len(step_times) and step_times[step] <= min(comes, happens):
            now = step_times[step]
            for lost in range(step_counts[step], active):
                idle += instances[lost].serving + instances[lost].waiting
                for target in range(len(kinds)):
                    if sticky and slot_of[lost, target] != _NONE:
                        _forget(homes[target], lost)
                    slot_of[lost, target] = _NONE
                held[lost, :] = 0
                _clear(instances[lost], slots[lost])
                _put(tree, next_at, lost, _NEVER)
            active = step_counts[step]
            step += 1
            continue
        arrived = _NONE
        if happens <= comes:
            now = happens
            instance = instances[number]
            _advance(instance, now)
            if not instance.load_is_next:
                job = _pop(in_service[number], instance.serving)
                instance.serving -= 1
                requests[job].latency = now - requests[job].started
                slot = requests[job].slot
                slots[number, slot].users -= 1
                if slots[number, slot].leaving and slots[number, slot].users == 0:
                    instance.leaving -= 1
                    _release(instance, slots[number], slot, held[number], memory, kinds)
                idle += 1
            else:
                slot = _pop(loads[number], instance.loading)
                instance.loading -= 1
                slots[number, slot].ready = True
                slots[number, slot].users -= 1
                job = slots[number, slot].waiting
                slots[number, slot].waiting = _NONE
                while job != _NONE:
                    instance.waiting -= 1
                    _serve(instance, in_service[number], work, level, kinds, requests, job)
                    job = requests[job].following
        else:
            now = comes
            arrived = upcoming
            upcoming += 1
            idle -= 1
            requests[arrived].started = now
            target = requests[arrived].target
            if routing == STICKY:
                number = _stick(
                    instances, homes[target], slot_of, held, memory, kinds, target, active, busy, budget, arrived
                )
            elif routing == HASHED:
                number = jump_hash(target, active)
            elif routing == RANDOM:
                number = scatter(arrived, active)
            else:
                number = _least_busy(instances, active, arrived % active)
            instance = instances[number]
            if instance.serving + instance.waiting >= in_service.shape[1] - 1:
                return False
            _advance(instance, now)
        # What has come, or else what waits for room, as far as there is some.
        job = arrived if arrived != _NONE else instance.first
        while job != _NONE:
            target = requests[job].target
            slot = slot_of[number, target]
            if slot == _NONE:
                requests[job].cold = WAITED
                kind = kinds[target]
                # Those that wait for room get it in their order, or else small models would keep large ones out.
                behind = arrived != _NONE and instance.first != _NONE
                if behind or instance.loading >= loads_at_once or not _make_room(
                    instance, slots[number], held[number], slot_of[number], homes, memory, budget, kinds, pinned,
                    kind, sticky, number,
                ):  # fmt: skip
                    if arrived != _NONE:
                        instance.waiting += 1
                        instance.queued += 1
                        if instance.last == _NONE:
                            instance.first = job
                        else:
                            requests[instance.last].following = job
                        instance.last = job
                    break
                slot = _take(instance, slots[number], held[number], memory, kind, target)
                slot_of[number, target] = slot
                if sticky:
                    _remember(homes[target], number)
                slots[number, slot].ready = False
                slots[number, slot].users = 2 if target < pinned else 1
                done = instance.loaded + load_work[kind, requests[job].chance]
                _push(loads[number], instance.loading, done, slot)
                instance.loading += 1
                requests[job].cold = BEGAN_A_LOAD
            else:
                _unlink(slots[number], slot)
            _link_newest(slots[number], slot)
            if arrived == _NONE:
                instance.waiting -= 1
                instance.queued -= 1
                instance.first = requests[job].following
                if instance.first == _NONE:
                    instance.last = _NONE
            slots[number, slot].users += 1
            requests[job].slot = slot
            if slots[number, slot].ready:
                _serve(instance, in_service[number], work, level, kinds, requests, job)
            else:
                requests[job].cold = max(requests[job].cold, np.uint8(WAITED))
                instance.waiting += 1
                requests[job].following = slots[number, slot].waiting
                slots[number, slot].waiting = job
            job = _NONE if arrived != _NONE else instance.first
        waiting = instance.queued if instance.loading >= loads_at_once else 0
        serving, loading = _speeds(speed, instance.serving, instance.loading, waiting)
        instance.serving_speed, instance.loading_speed = serving, loading
        answer, load = _times_left(instance, in_service[number], loads[number], serving, loading)
        instance.load_is_next = load < answer
        _put(tree, next_at, number, now + min(answer, load))


@_compiled
def _speeds(table: Table, serving: int, loading: int, waiting: int) -> tuple[float, float]:
    """Of each request, and of each load; while others wait, those that go on get done as much as all together."""
    row, column = min(serving, table.shape[0] - 1), min(loading, table.shape[1] - 1)
    share = 1.0
    if serving > row:
        share *= row / serving
    together = min(loading + waiting, table.shape[1] - 1)
    of_each = together / loading if loading else 1.0
    crowd = column / loading if loading > column else 1.0
    return table[row, column].serving * share * crowd, table[row, together].loading * share * of_each


@_compiled
def _advance(instance: Record, now: float) -> None:
    """To now, at the speeds that there have been."""
    passed = now - instance.clock
    instance.served += passed * instance.serving_speed
    instance.loaded += passed * instance.loading_speed
    instance.clock = now


@_compiled
def _times_left(
    instance: Record, in_service: Table, loads: Table, serving: float, loading: float
) -> tuple[float, float]:
    """Until the next answer, and until the next load ends."""
    answer = load = _NEVER
    if instance.serving:
        answer = max(in_service[0].done - instance.served, 0.0) / serving
    if instance.loading:
        load = max(loads[0].done - instance.loaded, 0.0) / loading
    return answer, load


@_compiled
def _put(tree: Table, next_at: Table, number: int, at: float) -> None:
    """When the instance's next event is; the root of the tree is the instance whose event is first."""
    next_at[number] = at
    place = (len(next_at) + number) // 2
    while place:
        one, other = tree[2 * place], tree[2 * place + 1]
        tree[place] = one if next_at[one] <= next_at[other] else other
        place //= 2


@_compiled
def _clear(instance: Record, slots: Table) -> None:
    """Nothing is there."""
    count = len(slots) - 2
    for slot in range(count):
        slots[slot].free = count - 1 - slot
        slots[slot].users = 0
        slots[slot].waiting = _NONE
    instance.free = count
    instance.serving = instance.loading = instance.waiting = instance.queued = instance.leaving = 0
    instance.serving_speed = instance.loading_speed = 0.0
    instance.used = 0
    instance.first = instance.last = _NONE
    # The ends of the list are the two places after the slots.
    slots[count].newer = count + 1
    slots[count + 1].older = count


@_compiled
def _fill(
    instances: Table,
    slots: Table,
    held: Table,
    slot_of: Table,
    homes: Table,
    memory: Table,
    budget: int,
    kinds: Table,
    pinned: int,
    active: int,
    routing: int,
) -> None:
    """The most popular models that fit, the most popular one as the one that was used last."""
    everywhere = routing in (RANDOM, LEAST_OUTSTANDING)
    full = np.zeros(active, np.bool_)
    left = active
    for target in range(len(kinds)):
        if left == 0:
            break
        home = _roomiest(instances, active) if routing == STICKY else jump_hash(target, active)
        for number in range(0 if everywhere else home, active if everywhere else home + 1):
            instance, kind = instances[number], kinds[target]
            if full[number]:
                continue
            if instance.free == 0 or instance.used + _needs(held[number], memory, kind) > budget:
                full[number] = True
                left -= 1
                continue
            slot = _take(instance, slots[number], held[number], memory, kind, target)
            slot_of[number, target] = slot
            if routing == STICKY:
                _remember(homes[target], number)
            slots[number, slot].ready = True
            slots[number, slot].users = 1 if target < pinned else 0
            _link_oldest(slots[number], slot)


@_compiled
def jump_hash(number: int, buckets: int) -> int:
    """The bucket of a number; where there is one bucket more, only that bucket's share of the numbers moves.

    Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014.
    """
    key = np.uint64(number) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0xD1B54A32D192ED03)
    key ^= key >> np.uint64(29)
    bucket, jump = np.int64(-1), np.int64(0)
    while jump < buckets:
        bucket = jump
        key = key * np.uint64(2862933555777941757) + np.uint64(1)
        jump = np.int64((bucket + 1) * (2147483648.0 / np.float64((key >> np.uint64(33)) + np.uint64(1))))
    return int(bucket)


@_compiled
def jump_hashes(count: int, buckets: int) -> Table:
    """Those of the first numbers."""
    found = np.empty(count, np.int64)
    for number in range(count):
        found[number] = jump_hash(number, buckets)
    return found


@_compiled
def scatter(number: int, buckets: int) -> int:
    """As if by chance."""
    key = (np.uint64(number) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    key = (key ^ (key >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return int(np.int64((key >> np.uint64(33)) % np.uint64(buckets)))


@_compiled
def _least_busy(instances: Table, active: int, first: int) -> int:
    """The instance with the fewest requests, looked for from ``first`` on."""
    best, fewest = first, 2**30
    for step in range(active):
        number = first + step
        if number >= active:
            number -= active
        outstanding = instances[number].serving + instances[number].waiting
        if outstanding < fewest:
            best, fewest = number, outstanding
            if fewest == 0:
                break
    return best


@_compiled
def _stick(
    instances: Table,
    homes: Table,
    slot_of: Table,
    held: Table,
    memory: Table,
    kinds: Table,
    target: int,
    active: int,
    busy: int,
    budget: int,
    request: int,
) -> int:
    """The least busy instance that has the target; where all of those are busy, one that is less so.

    A target that none has goes where there is most room, and where there is none anywhere, by chance.
    """
    best, fewest, copies = _NONE, 2**30, 0
    for number in homes:
        if number == _NONE:
            break
        copies += 1
        outstanding = instances[number].serving + instances[number].waiting
        if outstanding < fewest:
            best, fewest = number, outstanding
    if best == _NONE:
        roomiest = _roomiest(instances, active)
        needed = _needs(held[roomiest], memory, kinds[target])
        full = instances[roomiest].free == 0 or instances[roomiest].used + needed > budget
        return scatter(request, active) if full else roomiest
    # Requests that wait for loads do not count: copies elsewhere would be loads, and make more of them wait.
    if instances[best].serving >= busy and copies < min(len(homes), active):
        other = _least_busy(instances, active, request % active)
        if slot_of[other, target] == _NONE and instances[other].serving + instances[other].waiting < fewest:
            return other
    return best


@_compiled
def _roomiest(instances: Table, active: int) -> int:
    """The instance that has used least of its memory."""
    best = 0
    for number in range(1, active):
        if instances[number].used < instances[best].used:
            best = number
    return best


@_compiled
def _remember(homes: Table, number: int) -> None:
    """It has a copy there."""
    for place in range(len(homes)):
        if homes[place] == _NONE:
            homes[place] = number
            break


@_compiled
def _forget(homes: Table, number: int) -> None:
    """It has no copy there any more."""
    last = len(homes) - 1
    while last > 0 and homes[last] == _NONE:
        last -= 1
    for place in range(len(homes)):
        if homes[place] == number:
            homes[place] = homes[last]
            homes[last] = _NONE
            break


@_compiled
def _needs(held: Table, memory: Table, kind: int) -> int:
    """Memory for one more copy."""
    needed: int = memory[kind].copy + (0 if held[kind] else memory[kind].shared)
    return needed


@_compiled
def _make_room(
    instance: Record,
    slots: Table,
    held: Table,
    slot_of: Table,
    homes: Table,
    memory: Table,
    budget: int,
    kinds: Table,
    pinned: int,
    kind: int,
    sticky: bool,
    number: int,
) -> bool:
    """Evict what nobody is served by and was used least recently, until one more copy fits; whether one does.

    Where that does not suffice, one of the others is to leave when it has answered.
    """
    end = len(slots) - 1
    slot = slots[end - 1].newer
    while instance.free == 0 or instance.used + _needs(held, memory, kind) > budget:
        while slot != end and slots[slot].users > 0:
            slot = slots[slot].newer
        leaves = slot == end
        if leaves:
            slot = slots[end - 1].newer
            while slot != end and (not slots[slot].ready or slots[slot].target < pinned):
                slot = slots[slot].newer
            if slot == end or instance.leaving:
                return False
        following, target = slots[slot].newer, slots[slot].target
        _unlink(slots, slot)
        slot_of[target] = _NONE
        if sticky:
            _forget(homes[target], number)
        if leaves:
            slots[slot].leaving = True
            instance.leaving += 1
            return False
        _release(instance, slots, slot, held, memory, kinds)
        slot = following
    return True


@_compiled
def _release(instance: Record, slots: Table, slot: int, held: Table, memory: Table, kinds: Table) -> None:
    """The slot, and its memory, are free."""
    kind = kinds[slots[slot].target]
    held[kind] -= 1
    instance.used -= _needs(held, memory, kind)
    slots[instance.free].free = slot
    instance.free += 1


@_compiled
def _take(instance: Record, slots: Table, held: Table, memory: Table, kind: int, target: int) -> int:
    """A slot for it, and its memory."""
    instance.used += _needs(held, memory, kind)
    held[kind] += 1
    instance.free -= 1
    slot: int = slots[instance.free].free
    slots[slot].target = target
    slots[slot].leaving = False
    return slot


@_compiled
def _serve(
    instance: Record, in_service: Table, work: Table, level: Table, kinds: Table, requests: Table, job: int
) -> None:
    """Begin to."""
    at = level[min(instance.serving + 1, len(level) - 1)]
    needed = work[kinds[requests[job].target], at, requests[job].chance]
    _push(in_service, instance.serving, instance.served + needed, job)
    instance.serving += 1


@_compiled
def _unlink(slots: Table, slot: int) -> None:
    older, newer = slots[slot].older, slots[slot].newer
    slots[older].newer = newer
    slots[newer].older = older


@_compiled
def _link_newest(slots: Table, slot: int) -> None:
    end = len(slots) - 1
    before = slots[end].older
    slots[before].newer = slot
    slots[slot].older = before
    slots[slot].newer = end
    slots[end].older = slot


@_compiled
def _link_oldest(slots: Table, slot: int) -> None:
    end = len(slots) - 2
    after = slots[end].newer
    slots[after].older = slot
    slots[slot].newer = after
    slots[slot].older = end
    slots[end].newer = slot


@_compiled
def _push(heap: Table, count: int, done: float, number: int) -> None:
    """Onto a heap of so many."""
    place = count
    while place > 0:
        parent = (place - 1) // 2
        if heap[parent].done <= done:
            break
        heap[place].done = heap[parent].done
        heap[place].number = heap[parent].number
        place = parent
    heap[place].done = done
    heap[place].number = number


@_compiled
def _pop(heap: Table, count: int) -> int:
    """The first of a heap of so many."""
    first: int = heap[0].number
    last = count - 1
    done, number = heap[last].done, heap[last].number
    place = 0
    while True:
        child = 2 * place + 1
        if child >= last:
            break
        if child + 1 < last and heap[child + 1].done < heap[child].done:
            child += 1
        if heap[child].done >= done:
            break
        heap[place].done = heap[child].done
        heap[place].number = heap[child].number
        place = child
    heap[place].done = done
    heap[place].number = number
    return first
