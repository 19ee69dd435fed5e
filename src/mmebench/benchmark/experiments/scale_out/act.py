"""Scale-out: a load of two stages, and meanwhile what becomes of the instances."""

import time

from mmebench.benchmark.experiments.scale_out.fields import ScaleOut
from mmebench.benchmark.experiments.scale_out.figures import Held, write_course
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.endpoints.endpoint import Changing, InstanceUse, MemoryUse, Residency
from mmebench.errors import MmebenchError
from mmebench.load.processes.events import Live


def act(experiment: ScaleOut, subject: Subject, progress: Progress) -> None:
    """Offer the load, and write down what instances came and what they held, by the clock of its samples.

    Raises:
        MmebenchError: the endpoint does not tell; the load broke.
    """
    endpoint = subject.endpoint
    if not isinstance(endpoint, Changing):
        raise MmebenchError("scale_out: this endpoint does not say when it gets instances")
    copies = subject.copies([max(1, round(experiment.ratio * each)) for each in subject.fits])
    known, first = len(endpoint.changes()), len(_instances(endpoint.residency()))
    held: list[Held] = []
    begun: list[float] = []

    def tell(live: Live) -> None:
        begun[:] = [live.begun]
        residency = endpoint.residency()
        if isinstance(residency, Residency):
            held.append(_held(residency, time.monotonic() - live.begun, first))
        what = "after the step" if live.stage else "before the step"
        progress(what, min(1, (live.stage * experiment.before.duration + live.elapsed) / experiment.seconds))

    progress("before the step", 0.0)
    folder = subject.files.experiment(experiment.kind).loads
    subject.offer_by_zipf(folder, copies, experiment.zipf, (experiment.before, experiment.after), tell)
    if begun:  # else the load was offered by an earlier start, which has written it down
        changes = [(change.at - begun[0], change) for change in endpoint.changes()[known:]]
        write_course(changes, held, folder)


def _held(residency: Residency, at: float, first: int) -> Held:
    """What it says at this moment, of an endpoint that had so many instances at first."""
    instances, targets = _instances(residency), len(residency.resident)
    return Held(
        at=at,
        instances=max(1, len(instances)),
        targets=targets,
        copies=sum(each.targets for each in instances) if instances else targets,
        to_added=sum(each.invocations for each in instances[max(1, first) :]),
    )


def _instances(residency: Residency | MemoryUse) -> tuple[InstanceUse, ...]:
    """Each of several."""
    return residency.instances if isinstance(residency, Residency) else ()
