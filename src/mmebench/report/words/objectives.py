"""Whether a benchmark met its objectives, in words."""

from dataclasses import dataclass

import pandas as pd

from mmebench.figures.objectives import find_missed
from mmebench.report.operating_points import describe_load
from mmebench.spec import Objectives


@dataclass(frozen=True)
class Verdict:
    """One line a run; ``met`` when every run has a stage that holds all objectives."""

    met: bool
    lines: tuple[str, ...]


def judge(summary: pd.DataFrame, objectives: Objectives) -> Verdict:
    """For each run, the largest load that holds the objectives as :func:`find_missed` has it."""
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
        holds = [not find_missed(stage, objectives) for stage in stages.to_dict("records")]
        who = f"{platform} on {instance_type}: {', '.join(wanted)}"
        if any(holds):
            best = stages[holds].nlargest(1, "Requests/s").iloc[0]
            lines.append(f"{who}: held up to {best['Requests/s']:.1f} requests/s ({describe_load(best)})")
        else:
            met = False
            lines.append(f"{who}: missed in every stage")
    return Verdict(met, tuple(lines))
