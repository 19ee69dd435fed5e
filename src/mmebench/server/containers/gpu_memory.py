"""What each model takes of each GPU: by its processes where the driver tells, else by how memory grew."""

import logging
import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

import psutil

from mmebench.gpus.gpu import Gpu
from mmebench.gpus.nvml import process_memory, read_gpu
from mmebench.server.containers.pools import Memory, gpu_pool

_log = logging.getLogger(__name__)
_GROWN = 32 * 1024 * 1024
"""By so much a GPU's memory grows with any process that uses it, and by less from one moment to the next."""
_GENERATIONS = 4


class GpuMemory:
    """The accounts of the GPUs that a container uses.

    Attributes:
        by_process: whether the driver names this machine's processes; None until a model on a GPU has shown it.
    """

    def __init__(self, gpus: Sequence[Gpu]) -> None:
        self.gpus = gpus
        self.by_process: bool | None = None
        self._before: list[int] = []
        self._placed: dict[str, int] = {}
        """By model: the GPU that it was placed on, in the order of the loads."""
        self._fresh: set[str] = set()
        """Those that have not run since they were placed."""
        self._grown: dict[str, int] = {}
        self._parents: dict[int, str | None] = {}
        self._left: deque[str] = deque()
        """Models that have gone since the accounts were last looked at."""
        self._turn = threading.Lock()
        """Measurements run in threads. A driver may keep one waiting for seconds, and all who want the turn."""

    def begin(self) -> None:
        """The container is up and holds no model: from here on the GPUs' memory grows with its models. Blocks."""
        with self._turn:
            self._left.clear()
            self._before = [read_gpu(gpu).used for gpu in self.gpus]
            for accounts in (self._placed, self._fresh, self._grown, self._parents):
                accounts.clear()

    def place(self, model: str, gpu: int) -> None:
        """``model`` is going to be loaded on the GPU of this number. Blocks."""
        with self._turn:
            self._drop_left()
            self._placed.pop(model, None)
            self._placed[model] = gpu
            self._fresh.add(model)

    def place_again(self, model: str) -> None:
        """``model`` is going to be loaded anew where it was. Blocks."""
        gpu = self._placed.get(model)
        if gpu is not None:
            self.place(model, gpu)

    def forget(self, model: str) -> None:
        """``model`` is not loaded any more; never blocks."""
        self._left.append(model)

    def _drop_left(self) -> None:
        while self._left:
            model = self._left.popleft()
            self._placed.pop(model, None)
            self._fresh.discard(model)
            self._grown.pop(model, None)

    def free(self) -> Memory:
        """Bytes of each GPU that nobody takes."""
        return {gpu_pool(number): read_gpu(gpu).free for number, gpu in enumerate(self.gpus)}

    def measure(self, processes: Mapping[str, Iterable[int]], ran: Collection[str] = ()) -> dict[str, Memory]:
        """Bytes of each GPU that each model takes now.

        Blocks for less than a millisecond a GPU, or for as long as the driver does.

        Args:
            processes: ids of those that each model has for itself; none where models share one.
            ran: the models that have run since this was asked the last time.
        """
        with self._turn:
            self._drop_left()
            if not self._placed:
                return {}
            rows = [process_memory(gpu) for gpu in self.gpus]
            models = {pid: model for model, pids in processes.items() for pid in pids}
            taken = self._of_processes([row or {} for row in rows], models)
            if taken:
                self.by_process = True
            elif self.by_process is None:
                self._decide(any(row is None for row in rows))
            found = self._of_growth(ran) if self.by_process is False else taken
            self._fresh.difference_update(ran)
            return found

    def _of_processes(self, rows: Sequence[Mapping[int, int]], models: Mapping[int, str]) -> dict[str, Memory]:
        taken: dict[str, Memory] = {}
        for number, row in enumerate(rows):
            for pid, size in row.items():
                model = models.get(pid) or self._by_parent(pid, models)
                if model is not None:
                    of_model = taken.setdefault(model, {})
                    of_model[gpu_pool(number)] = of_model.get(gpu_pool(number), 0) + size
        listed = {pid for row in rows for pid in row}
        self._parents = {pid: model for pid, model in self._parents.items() if pid in listed}  # ids come again
        return taken

    def _by_parent(self, pid: int, models: Mapping[int, str]) -> str | None:
        """The model whose process has started this one; the answer is kept, as a process keeps its parent."""
        if pid not in self._parents:
            try:
                parents = psutil.Process(pid).parents()[:_GENERATIONS]
            except psutil.Error:
                parents = []
            self._parents[pid] = next((models[each.pid] for each in parents if each.pid in models), None)
        return self._parents[pid]

    def _decide(self, untold: bool) -> None:
        """Nobody of ours is named: either nothing runs on a GPU yet, or the driver does not know our processes."""
        grown = any(self._growth(number) > _GROWN for number in set(self._placed.values()))
        if untold or grown:
            self.by_process = False
            _log.warning(
                "the NVIDIA driver does not say here what each process takes (MIG, WSL, or a container with "
                "process ids of its own): a target's memory is what the GPU's grew by, and one is loaded at a time"
            )

    def _of_growth(self, ran: Collection[str]) -> dict[str, Memory]:
        """All that each GPU grew by, shared among the models on it."""
        for number in range(len(self.gpus)):
            here = [model for model, gpu in self._placed.items() if gpu == number]
            if here:
                self._share(self._growth(number), here, ran)
        return {model: {gpu_pool(self._placed[model]): size} for model, size in self._grown.items()}

    def _share(self, growth: int, here: Sequence[str], ran: Collection[str]) -> None:
        """What is new belongs to the model that is being loaded, else to those that ran; what is gone, to all."""
        had = {model: self._grown.get(model, 0) for model in here}
        more = growth - sum(had.values())
        if more < 0:
            sizes = {model: size * growth // sum(had.values()) for model, size in had.items()}
            who = [here[-1]]
        else:
            sizes = had
            who = (
                [model for model in here if model in self._fresh and model not in ran]
                or [model for model in here if model in ran]
                or list(here)
            )
        rest = growth - sum(sizes.values())
        for place, model in enumerate(who):
            sizes[model] += rest // len(who) + (place < rest % len(who))
        self._grown |= sizes

    def _growth(self, number: int) -> int:
        used = read_gpu(self.gpus[number]).used
        self._before[number] = min(self._before[number], used)  # what was there then has gone
        return used - self._before[number]
