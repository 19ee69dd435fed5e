"""An endpoint: mmebench's local one under another name. Most would reach for something that runs elsewhere."""

from pathlib import Path
from typing import ClassVar, Literal

from mmebench.endpoints.endpoint import Endpoint
from mmebench.endpoints.local import start
from mmebench.endpoints.opener import Opener, Progress
from mmebench.spec import LocalEndpoint
from mmebench.spec.endpoints.endpoint import ServedEndpoint
from mmebench.spec.strict import Size


class BesideEndpoint(ServedEndpoint):
    """A local endpoint with a container of its own."""

    kind: Literal["beside"]
    memory: Size

    opener: ClassVar[str] = "mmebench_extras.beside:BesideOpener"


class BesideOpener(Opener[BesideEndpoint]):
    """Only how it is opened differs from what every opener does."""

    def open(self, spec: BesideEndpoint, store: Path, log: Path, progress: Progress) -> Endpoint:
        """With the container ``plain``, which this package brings, too."""
        progress("start")
        return start(LocalEndpoint(name="beside", memory=spec.memory, container="plain"), store, log)
