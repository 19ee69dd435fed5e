"""Experiments: what only a multi-model endpoint can show, asked for in a spec beside the load itself.

Each is a folder of :mod:`mmebench.benchmark.experiments`: its fields, what it does, what came of that, and how it
is shown.
"""

from typing import Annotated, ClassVar

from mmebench.spec.endpoints.endpoint import ServedEndpoint
from mmebench.spec.kinds import Kinds
from mmebench.spec.strict import Strict


class Experiment(Strict):
    """What every kind of experiment has."""

    kind: str
    title: ClassVar[str]
    """What reports call it."""
    act: ClassVar[str]
    """``module:function`` of (experiment, :class:`~mmebench.benchmark.experiments.subject.Subject`, progress) that
    does it and leaves what it measured in its files."""
    words: ClassVar[str]
    """``module:function`` of (:class:`~mmebench.record.layout.ExperimentFiles`, run, footer): writes its table and
    its picture, if it was done, and returns what they show, a line each."""

    of_fleets: ClassVar[bool] = False
    """Whether it takes several kinds of models."""

    @property
    def models(self) -> tuple[str, ...]:
        """The models of a fleet that it names."""
        return ()

    @property
    def seconds(self) -> float | None:
        """How long it offers load, each time; None where that depends on the endpoint."""
        return None

    def times(self, kinds: int) -> int:
        """How often it does that where an endpoint serves so many kinds of models."""
        return 1

    def cannot_run_on(self, endpoint: ServedEndpoint) -> str | None:
        """Why such an endpoint does not let it be done, and what to do; None where it does."""
        if endpoint.loads_on_demand:
            return None
        return "nothing is loaded on demand there; allowed: hosting multi-model; leave the experiment out"

    def check(self, clients: int) -> None:
        """Refuse what so many client processes cannot offer; raises ValueError."""


EXPERIMENTS = Kinds[Experiment](
    "experiments",
    "mmebench.benchmark.experiments.cold_starts.fields:ColdStarts",
    "mmebench.benchmark.experiments.working_set.fields:WorkingSet",
    "mmebench.benchmark.experiments.interference.fields:Interference",
    "mmebench.benchmark.experiments.churn.fields:Churn",
    "mmebench.benchmark.experiments.mixes.fields:Mixes",
    "mmebench.benchmark.experiments.restart.fields:Restart",
    "mmebench.benchmark.experiments.scale_out.fields:ScaleOut",
)

AnyExperiment = Annotated[Experiment, EXPERIMENTS]
