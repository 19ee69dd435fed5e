"""Who is told what happens while a benchmark runs."""

from collections.abc import Callable
from typing import Protocol

from mmebench.endpoints.endpoint import Endpoint
from mmebench.load.job import LoadJob
from mmebench.load.processes.events import Gathering, Live
from mmebench.models.package import Package
from mmebench.record.run import Capacity, FirstInvocation, Run
from mmebench.spec import Experiment


class Observer(Protocol):
    """Is told what happens while a benchmark runs; the command line shows it."""

    def planned(self, parts: int, load_seconds: float | None) -> None:
        """So many runs will be measured, unless they are there already.

        ``load_seconds`` is how long the load of each goes on; None for a search, which ends when it has found.
        """

    def trying(self, which: str, changes: str) -> None:
        """A trial of a tuning begins: which of how many, and what is changed for it."""

    def tried(self, what: str) -> None:
        """It is over; what it came to."""

    def packaging(self, what: str, message: str) -> None:
        """A step of the export to a platform, or of a model of a fleet."""

    def packaged(self, package: Package) -> None:
        """The archive is there."""

    def warned(self, what: str) -> None:
        """What is asked for will not show all that it is meant to show."""

    def kept(self, run: Run) -> None:
        """An earlier start has measured this run already."""

    def unread(self, reason: str) -> None:
        """The record of an earlier start cannot be read, so that its run counts as not measured."""

    def recovered(self, what: str) -> None:
        """Samples that an earlier start left are kept."""

    def coming_up(self, what: str, message: str) -> None:
        """An endpoint is being created, perhaps while another one is measured; called by any thread."""

    def came_up(self, what: str) -> None:
        """It is there, or has failed."""

    def serving(self, what: str, endpoint: Endpoint, so_far: Callable[[], float | None]) -> None:
        """The endpoint of a part is up; ``so_far`` tells at any time what the benchmark has cost, in dollars."""

    def loaded(self, load: FirstInvocation, memory_budget: int | None) -> None:
        """One more target is in memory."""

    def filled(self, capacity: Capacity) -> None:
        """The search for capacity is over."""

    def offering(self, job: LoadJob) -> None:
        """The load starts."""

    def gathering(self, gathering: Gathering) -> None:
        """The load waits for client processes of other hosts; told once a second."""

    def live(self, live: Live) -> None:
        """What the load was like in the last second."""

    def experimenting(self, experiment: Experiment) -> None:
        """An experiment starts."""

    def experiment_live(self, live: Live) -> None:
        """What a load of an experiment was like in the last second."""

    def experimented(self, what: str, share: float) -> None:
        """What it does now, and which share of it is over."""

    def again(self, what: str) -> None:
        """A repeat begins on the endpoint that is up already, and filled."""

    def measured(self, what: str, run: Run) -> None:
        """The run is complete and on disk."""
