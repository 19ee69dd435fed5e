"""The roster: which workers a load has, on which hosts, and which of them can be reached."""

from collections import Counter

from locust.runners import MasterRunner, Runner

from mmebench.load.processes.link import Server


class Roster:
    """Of a load in one process that process is the only worker."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._ready: set[str] = set()

    def note_ready(self, node: str) -> None:
        """A worker knows its task and its clock."""
        self._ready.add(node)

    def alive(self) -> list[str]:
        """The workers that were heard of in the last seconds, in the order of their names."""
        if not isinstance(self._runner, MasterRunner):
            return ["local"]
        clients = self._runner.clients
        return sorted(client.id for client in [*clients.ready, *clients.spawning, *clients.running])

    def are_ready(self) -> bool:
        """Whether there are workers, and all know their task and their clock."""
        if not isinstance(self._runner, MasterRunner):
            return True
        return bool(self.alive()) and self._ready >= set(self.alive())

    def by_host(self) -> dict[str, int]:
        """How many of those that are ready each host has; a worker's name is its host's and a number."""
        return dict(Counter(node.rpartition("_")[0] for node in self.alive() if node in self._ready))

    def is_cut_off(self, node: str) -> bool:
        """Whether a worker says nothing, but its connection stands: it may come back, with all that it has."""
        if not isinstance(self._runner, MasterRunner) or not isinstance(self._runner.server, Server):
            return False
        silent = {client.id for client in self._runner.clients.missing}
        return node in silent and self._runner.server.reaches(node)
