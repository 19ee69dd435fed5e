"""An observer of benchmarks that only notes what it was told."""

from typing import Any


class Watcher:
    """Implements :class:`mmebench.benchmark.observer.Observer`."""

    def __init__(self) -> None:
        self.experiments: list[str] = []
        self.unread_reasons: list[str] = []

    def experimenting(self, experiment: Any) -> None:
        """Noted by kind."""
        self.experiments.append(experiment.kind)

    def unread(self, reason: str) -> None:
        """Noted."""
        self.unread_reasons.append(reason)

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None
