"""What a run left on disk, read once for all that a report shows of it."""

from typing import NamedTuple

import pandas as pd

from mmebench.record.layout import RunFiles
from mmebench.record.metrics import read_metrics
from mmebench.record.run import Run, find_run
from mmebench.record.sightings import read_sightings
from mmebench.report.figures import Figures
from mmebench.report.kept_figures import find_figures
from mmebench.report.runs import RunKey


class Recorded(NamedTuple):
    """A table is empty where nobody recorded anything."""

    files: RunFiles
    run: Run | None
    """None for the result of another tool, and where the record cannot be read."""
    figures: Figures
    sightings: pd.DataFrame
    metrics: pd.DataFrame

    @property
    def key(self) -> RunKey:
        """Which run it is."""
        return RunKey(self.files.instance_type, self.files.platform, self.files.targets)


def read_recorded(files: RunFiles) -> Recorded:
    """Read all of it.

    Raises:
        BadInputError: a file of the run cannot be read.
    """
    figures = find_figures(files)
    return Recorded(files, find_run(files), figures, read_sightings(files.sightings), read_metrics(files.metrics))
