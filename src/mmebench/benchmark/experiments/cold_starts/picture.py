"""What cold starts are made of, as a picture."""

import pandas as pd
from matplotlib.figure import Figure

from mmebench.benchmark.experiments.cold_starts.figures import PARTS, group_cold_starts
from mmebench.report.palette import COLOURS
from mmebench.report.pictures.pictures import finish, logarithmic

_MOST = 24
"""Bars: of a fleet there is one for each model at each concurrency."""


def draw(cold_starts: pd.DataFrame, title: str, footer: str) -> Figure:
    """What a cold start is made of, at each concurrency, and how its length is distributed.

    Args:
        cold_starts: a row each, with the columns of
            :class:`~mmebench.benchmark.experiments.cold_starts.figures.ColdStart`.
        title: what was measured.
        footer: on what, and when.
    """
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    split, spread = figure.subplots(1, 2)
    every = group_cold_starts(cold_starts)
    longest = sorted(every, key=lambda group: float(group[1]["seconds"].mean()), reverse=True)[:_MOST]
    groups = [group for group in every if any(group is one for one in longest)]
    names = [
        f"{kind}, {concurrency} at once" if kind else f"{concurrency} at once" for (kind, concurrency), _ in groups
    ]
    figure.set_figheight(max(4.6, 0.4 * len(groups)))
    left = pd.Series(0.0, index=range(len(groups)))
    for number, (column, text) in enumerate(PARTS.items()):
        means = pd.Series([rows[column].mean() for _, rows in groups]).fillna(0)
        split.barh(names, means, left=left, color=COLOURS[number], edgecolor="white", label=text, height=0.6)
        left += means
    for position, (_, rows) in enumerate(groups):
        total, end = rows["seconds"].mean(), left[position]
        split.annotate(f"{total:.3g} s", (end, position), (4, 0), textcoords="offset points", va="center")
    split.invert_yaxis()
    split.margins(x=0.12)
    split.set_xlabel("seconds, mean")
    of_many = f": the {len(groups)} longest of {len(every)}" if len(groups) < len(every) else ""
    split.set_title(f"what a first invocation waits for{of_many}", fontsize=10)
    split.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    if len(every) > len(COLOURS):
        spread.ecdf(cold_starts["seconds"], color=COLOURS[0], label=f"cold, all {len(every)} together")
    else:
        for number, (name, (_, rows)) in enumerate(zip(names, groups, strict=True)):
            spread.ecdf(rows["seconds"], color=COLOURS[number], label=name)
    warm = cold_starts["warm_seconds"].dropna()
    spread.ecdf(warm, color="black", linestyle="--", label="warm")
    logarithmic(spread, "x", [*cold_starts["seconds"], *warm])
    spread.set_xlabel("seconds (log scale)")
    spread.set_ylabel("share of invocations that took no longer")
    spread.set_title("first invocations, and warm ones", fontsize=10)
    spread.legend(frameon=False, fontsize=8)
    for axes in (split, spread):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    finish(figure, footer)
    return figure
