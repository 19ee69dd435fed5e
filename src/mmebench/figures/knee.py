"""The knee of a load: from where on more load buys waiting instead of answers."""

from typing import Any

import pandas as pd

from mmebench.figures.failures import without_failure


def find_knee(stages: pd.DataFrame) -> "pd.Series[Any] | None":
    """The stage with the most power, which is throughput over mean latency.

    Up to it throughput grows by a larger share than latency, beyond it by a smaller one (Kleinrock, "Power and
    deterministic rules of thumb for probabilistic problems in computer communications", ICC 1979). Only
    stages without a failure are looked at: an endpoint that turns requests down answers the others fast.

    Args:
        stages: the summary rows of one run, by load.

    Returns:
        None where no stage is free of failures, and where that with the most power is the last: then the load
        never got past the knee, which may be anywhere beyond.
    """
    clean = without_failure(stages) & (stages["Total Average Response Time"] > 0)
    if not clean.any():
        return None
    power = (stages["Requests/s"] / stages["Total Average Response Time"]).where(clean, -1.0)
    most = int(power.to_numpy().argmax())
    return stages.iloc[most] if most < len(stages) - 1 else None
