"""Restart: a load, in the middle of which the endpoint's instances are replaced or one is lost."""

import threading
from collections.abc import Callable

from mmebench.benchmark.experiments.restart.fields import Restart
from mmebench.benchmark.experiments.restart.figures import write_moment
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.endpoints.endpoint import Deployable, Endpoint, Mortal
from mmebench.errors import MmebenchError
from mmebench.load.processes.events import Live


def act(experiment: Restart, subject: Subject, progress: Progress) -> None:
    """Offer one load, do it meanwhile, and write down when that was.

    Raises:
        MmebenchError: it could not be done; the load broke.
    """
    event = _Event(_how(experiment, subject.endpoint))
    stage = experiment.stage
    copies = subject.copies([max(1, round(experiment.ratio * each)) for each in subject.fits])

    def tell(live: Live) -> None:
        if live.at >= experiment.happens:
            event.begin(live)
        progress(experiment.by if event.begun else "as usual", min(1, live.elapsed / stage.duration))

    progress("as usual", 0.0)
    folder = subject.files.experiment(experiment.kind).loads
    subject.offer_by_zipf(folder, copies, experiment.zipf, (stage,), tell)
    if event.begun:  # else the load was offered by an earlier start, which has written it down
        write_moment(event.end(), folder)


def _how(experiment: Restart, endpoint: Endpoint) -> Callable[[], float]:
    """What does it, and says when it was."""
    if experiment.by == "deployment" and isinstance(endpoint, Deployable):
        return endpoint.deploy
    if experiment.by == "loss" and isinstance(endpoint, Mortal):
        return endpoint.lose
    raise MmebenchError(f"restart: there is no {experiment.by} on this endpoint")


class _Event:
    """What happens, beside the load."""

    def __init__(self, do: Callable[[], float]) -> None:
        self._do = do
        self._thread: threading.Thread | None = None
        self._error: MmebenchError | None = None
        self._at = 0.0

    @property
    def begun(self) -> bool:
        """Whether it has been asked for."""
        return self._thread is not None

    def begin(self, live: Live) -> None:
        """Do it, unless that was begun before; the load is told about in this moment."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(live.begun,))
            self._thread.start()

    def end(self) -> float:
        """Wait for it; when it happened, in seconds since the load began.

        Raises:
            MmebenchError: it could not be done.
        """
        assert self._thread is not None
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._at

    def _run(self, begun: float) -> None:
        """``begun``: when the load began."""
        try:
            self._at = self._do() - begun
        except MmebenchError as error:
            self._error = error
