"""Whether a benchmark met its objectives, in words."""

from dataclasses import dataclass

import pandas as pd

from mmebench.report.operating_points import describe_load
from mmebench.spec import Objectives


@dataclass(frozen=True)
class Verdict:
    """One line a run; ``met`` when every run has a stage that holds all objectives."""

    met: bool
    lines: tuple[str, ...]


def judge(summary: pd.DataFrame, objectives: Objectives) -> Verdict:
    """For each run, the largest load that holds the objectives.

    A stage whose samples cannot carry a p99 does not hold an objective on it. Requests that an open loop was to
    start and never did have failed.
    """
    wanted = []
    if objectives.p99 is not None:
        wanted.append(f"p99 at most {objectives.p99 * 1000:g} ms")
    if objectives.failures is not None:
        wanted.append(f"failures at most {objectives.failures:.2%}")
    if objectives.goodput is not None:
        wanted.append(f"{objectives.goodput.share:.2%} within {objectives.goodput.within * 1000:g} ms")
    if not wanted:
        return Verdict(True, ())
    met, lines = True, []
    for (instance_type, platform), stages in summary.groupby(["instance_type", "platform"], sort=False):
        holds = pd.Series(True, index=stages.index)
        if objectives.p99 is not None:
            holds &= stages["p99_ms"] <= objectives.p99 * 1000
        if objectives.failures is not None:
            failed = stages["Failed Requests"] + stages["not_started"].fillna(0)
            requests = stages["Successful Requests"] + failed
            holds &= (requests > 0) & (failed <= objectives.failures * requests)
        if objectives.goodput is not None:
            holds &= stages["goodput_share"] >= objectives.goodput.share
        who = f"{platform} on {instance_type}: {', '.join(wanted)}"
        if holds.any():
            best = stages[holds].nlargest(1, "Requests/s").iloc[0]
            lines.append(f"{who}: held up to {best['Requests/s']:.1f} requests/s ({describe_load(best)})")
        else:
            met = False
            lines.append(f"{who}: missed in every stage")
    return Verdict(met, tuple(lines))
