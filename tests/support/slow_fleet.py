"""The rules of the simulation once more, in plain Python: every request and load is looked at in every step."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmebench.plan.simulation import kernel


@dataclass
class _Instance:
    """One of them, with what it holds in the order of last use."""

    held: dict[int, set[Any]] = field(default_factory=dict)
    """Which requests, and what else, keep each model that is there."""
    leaving: dict[int, set[Any]] = field(default_factory=dict)
    """The same of a model that goes when it has answered them; there is one at most."""
    serving: dict[int, float] = field(default_factory=dict)
    """Of each request, the work that is left; ``loading``: of each model's load."""
    loading: dict[int, float] = field(default_factory=dict)
    waiting: dict[int, list[int]] = field(default_factory=dict)
    """Requests for a model that is being loaded."""
    queue: list[int] = field(default_factory=list)
    """Requests that wait for room, or for their turn to load."""

    @property
    def outstanding(self) -> int:
        return len(self.serving) + len(self.queue) + sum(len(each) for each in self.waiting.values())


@dataclass
class SlowFleet:
    """Call :meth:`run`, then look at the rest."""

    requests: np.ndarray[Any, np.dtype[np.void]]
    hardware: kernel.Hardware
    fleet: kernel.Fleet
    most_used: int = 0
    """Memory that was used at most on an instance."""

    def run(self) -> None:
        count = len(self.requests)
        self.latency = np.full(count, np.nan)
        self.started = np.full(count, np.nan)
        self.cold = np.zeros(count, np.uint8)
        self.instance_of = np.full(count, -1)
        self.active = int(self.fleet.step_counts[0])
        self.instances = [_Instance() for _ in range(int(self.fleet.step_counts.max()))]
        self.homes: dict[int, list[int]] = {}
        now, upcoming, step, idle = 0.0, 0, 1, self.fleet.users
        while True:
            come = np.inf
            if upcoming < count and (self.fleet.users == 0 or idle > 0):
                come = max(now, float(self.requests["time"][upcoming]))
            ends = [self._next_end(each) for each in self.instances]
            end = min(ends)
            if come == end == np.inf:
                return
            change = float(self.fleet.step_times[step]) if step < len(self.fleet.step_times) else np.inf
            if change <= min(come, end):
                self._pass(change - now)
                now = change
                idle += self._resize(int(self.fleet.step_counts[step]))
                step += 1
                continue
            self._pass(min(come, end) - now)
            now = min(come, end)
            if end <= come:
                number = ends.index(end)
                idle += self._finish(number, now)
                self._admit(number)
            else:
                self.started[upcoming] = now
                number = self._route(upcoming)
                self.instance_of[upcoming] = number
                self._arrive(number, upcoming)
                upcoming += 1
                idle -= 1

    def _speeds(self, instance: _Instance) -> tuple[float, float]:
        """Of each request, and of each load; all together are as fast beyond the table as at its end."""
        rows, columns = (size - 1 for size in self.hardware.speed.shape)
        serving, loading = len(instance.serving), len(instance.loading)
        # Loads that wait for their turn make those that go on as quick, all together, as if they went on, too.
        waiting = len(instance.queue) if loading >= self.hardware.loads_at_once else 0
        together = min(loading + waiting, columns)
        table = self.hardware.speed[min(serving, rows)]
        share = min(1.0, rows / max(serving, 1))
        of_requests = float(table["serving"][min(loading, columns)]) * min(1.0, columns / max(loading, 1))
        of_loads = float(table["loading"][together]) * together / max(loading, 1)
        return of_requests * share, of_loads * share

    def _next_end(self, instance: _Instance) -> float:
        serving, loading = self._speeds(instance)
        left = [work / serving for work in instance.serving.values()]
        left += [work / loading for work in instance.loading.values()]
        return self._now + min(left) if left else np.inf

    _now = 0.0

    def _pass(self, seconds: float) -> None:
        for instance in self.instances:
            serving, loading = self._speeds(instance)
            for job in instance.serving:
                instance.serving[job] -= seconds * serving
            for target in instance.loading:
                instance.loading[target] -= seconds * loading
        self._now += seconds

    def _finish(self, number: int, now: float) -> int:
        """The request, or the load, that is done; how many users have their answer."""
        instance = self.instances[number]
        serving, loading = self._speeds(instance)
        job = min(instance.serving, key=lambda each: instance.serving[each], default=-1)
        target = min(instance.loading, key=lambda each: instance.loading[each], default=-1)
        answer = instance.serving[job] / serving if job >= 0 else np.inf
        load = instance.loading[target] / loading if target >= 0 else np.inf
        if answer <= load:
            del instance.serving[job]
            self.latency[job] = now - self.started[job]
            for kept in (instance.held, instance.leaving):
                kept.get(int(self.requests["target"][job]), set()).discard(job)
            instance.leaving = {each: users for each, users in instance.leaving.items() if users}
            return 1
        del instance.loading[target]
        instance.held[target].discard("load")
        for waiter in reversed(instance.waiting.pop(target)):
            self._serve(instance, waiter)
        return 0

    def _serve(self, instance: _Instance, job: int) -> None:
        work, level = self.hardware.work, self.hardware.level
        kind = self.fleet.kinds[self.requests["target"][job]]
        at = level[min(len(instance.serving) + 1, len(level) - 1)]
        instance.serving[job] = float(work[kind, at, self.requests["chance"][job]])

    def _arrive(self, number: int, job: int) -> None:
        instance, target = self.instances[number], int(self.requests["target"][job])
        if target in instance.held:
            self._use(number, job)
        elif not instance.queue and self._has_a_turn(number) and self._make_room(number, target):
            self._load(number, job)
        else:
            self.cold[job] = kernel.WAITED
            instance.queue.append(job)

    def _admit(self, number: int) -> None:
        """Those that wait for room, in their order, as far as there is some."""
        instance = self.instances[number]
        while instance.queue:
            job = instance.queue[0]
            target = int(self.requests["target"][job])
            if target in instance.held:
                self._use(number, instance.queue.pop(0))
            elif self._has_a_turn(number) and self._make_room(number, target):
                self._load(number, instance.queue.pop(0))
            else:
                return

    def _has_a_turn(self, number: int) -> bool:
        return len(self.instances[number].loading) < self.hardware.loads_at_once

    def _use(self, number: int, job: int) -> None:
        instance, target = self.instances[number], int(self.requests["target"][job])
        instance.held[target] = instance.held.pop(target) | {job}
        if target in instance.loading:
            self.cold[job] = kernel.WAITED
            instance.waiting[target].append(job)
        else:
            self._serve(instance, job)

    def _load(self, number: int, job: int) -> None:
        instance, target = self.instances[number], int(self.requests["target"][job])
        self.cold[job] = kernel.BEGAN_A_LOAD
        instance.held[target] = {job, "load"} | ({"pinned"} if target < self.fleet.pinned else set())
        kind = self.fleet.kinds[target]
        instance.loading[target] = float(self.hardware.load_work[kind, self.requests["chance"][job]])
        instance.waiting[target] = [job]
        self.most_used = max(self.most_used, self._used(instance))
        self.homes.setdefault(target, []).append(number)

    def _used(self, instance: _Instance) -> int:
        kinds, memory = self.fleet.kinds, self.hardware.memory
        there = [int(kinds[target]) for target in (*instance.held, *instance.leaving)]
        return int(memory["copy"][there].sum() + memory["shared"][list(set(there))].sum())

    def _fits(self, instance: _Instance, target: int) -> bool:
        with_it = _Instance(held=instance.held | {target: set()}, leaving=instance.leaving)
        return self._used(with_it) <= self.hardware.budget

    def _make_room(self, number: int, target: int) -> bool:
        instance = self.instances[number]
        while not self._fits(instance, target):
            idle = next((each for each, users in instance.held.items() if not users), None)
            if idle is None:
                free = [each for each, users in instance.held.items() if not users & {"load", "pinned"}]
                if free and not instance.leaving:
                    instance.leaving[free[0]] = instance.held.pop(free[0])
                    _forget(self.homes[free[0]], number)
                return False
            del instance.held[idle]
            _forget(self.homes[idle], number)
        return True

    def _resize(self, count: int) -> int:
        """Add or lose instances; how many requests are lost."""
        lost = 0
        for number in range(count, self.active):
            lost += self.instances[number].outstanding
            for target in self.instances[number].held:
                _forget(self.homes[target], number)
            self.instances[number] = _Instance()
        self.active = count
        return lost

    def _route(self, job: int) -> int:
        target, fleet = int(self.requests["target"][job]), self.fleet
        match fleet.routing:
            case kernel.HASHED:
                return kernel.jump_hash(target, self.active)
            case kernel.RANDOM:
                return kernel.scatter(job, self.active)
            case kernel.LEAST_OUTSTANDING:
                return self._least_busy(job)
        homes = self.homes.get(target, [])
        if not homes:
            active = self.instances[: self.active]
            roomiest = min(range(self.active), key=lambda number: self._used(active[number]))
            return roomiest if self._fits(active[roomiest], target) else kernel.scatter(job, self.active)
        best = min(homes, key=lambda number: self.instances[number].outstanding)
        fewest = self.instances[best].outstanding
        if len(self.instances[best].serving) >= fleet.busy and len(homes) < self.active:
            other = self._least_busy(job)
            if target not in self.instances[other].held and self.instances[other].outstanding < fewest:
                return other
        return best

    def _least_busy(self, job: int) -> int:
        order = [(job + step) % self.active for step in range(self.active)]
        return min(order, key=lambda number: self.instances[number].outstanding)


def _forget(homes: list[int], number: int) -> None:
    """The last one takes its place."""
    place = homes.index(number)
    homes[place] = homes[-1]
    homes.pop()
