"""What a restart came to: stretches of its load, before and after."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mmebench.figures.recovery import Recovered, find_recovered, find_stretches
from mmebench.record.layout import find_runs
from mmebench.record.run import find_run
from mmebench.record.samples import read_samples
from mmebench.record.tables import read_table, write_table

_MOMENT = "moment.csv"


class Restarted(NamedTuple):
    """The load around it."""

    stretches: pd.DataFrame
    """As :func:`~mmebench.figures.recovery.find_stretches` gives them."""
    recovered: Recovered


def write_moment(at: float, loads: Path) -> None:
    """When everything was cold, in seconds since the load began."""
    write_table(pd.DataFrame({"at": [at]}), loads / _MOMENT)


def read_restart(loads: Path) -> Restarted | None:
    """That of the experiment in this folder; None where it did not get to its end."""
    if not (loads / _MOMENT).exists():
        return None
    moments = read_table(loads / _MOMENT, ["at"])["at"]
    if moments.empty:
        return None
    at = float(moments.iloc[0])
    for files in find_runs(loads):
        if files.samples.exists() and (run := find_run(files)) is not None and run.complete:
            (window,) = run.stages
            stretches = find_stretches(read_samples(files.samples), window.ready, at, window.end)
            return Restarted(stretches, find_recovered(stretches))
    return None
