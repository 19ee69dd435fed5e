"""Other mixes as a picture."""

import pandas as pd
from matplotlib.figure import Figure

from mmebench.report.palette import COLOURS, QUIET
from mmebench.report.pictures.pictures import finish


def draw(table: pd.DataFrame, title: str, footer: str) -> Figure:
    """What fitted of each kind in each mix, beside what was predicted with its bounds.

    Args:
        table: as :func:`mmebench.benchmark.experiments.mixes.figures.summarise_mixes` gives it.
        title: what was measured.
        footer: on what, and when.
    """
    mixes = list(table.groupby("mix", sort=False))
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    panels = figure.subplots(1, len(mixes), squeeze=False, sharey=True)[0]
    for axes, (_, mix) in zip(panels, mixes, strict=True):
        at = range(len(mix))
        axes.bar([x - 0.2 for x in at], mix["predicted"].astype(float), 0.36, color=QUIET, label="predicted")
        axes.bar([x + 0.2 for x in at], mix["filled"].astype(float), 0.36, color=COLOURS[0], label="filled")
        known = mix[["predicted", "predicted_low", "predicted_high"]].astype(float)
        below, above = known["predicted"] - known["predicted_low"], known["predicted_high"] - known["predicted"]
        bounds = [below.clip(lower=0).fillna(0), above.clip(lower=0).fillna(0)]
        axes.errorbar([x - 0.2 for x in at], known["predicted"], bounds, fmt="none", ecolor="black", capsize=3)
        for shift, column in ((-0.2, "predicted"), (0.2, "filled")):
            for x, value in zip(at, mix[column].astype(float), strict=True):
                text = "unknown" if pd.isna(value) else f"{value:.0f}"
                top = 0 if pd.isna(value) else value
                axes.annotate(text, (x + shift, top), (0, 3), textcoords="offset points", ha="center", fontsize=8)
        axes.set_xticks(list(at), list(mix["kind"]))
        shares = " : ".join(f"{share:g}" for share in mix["share"])
        axes.set_title(f"asked for {shares}", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(y=0.15)
    panels[0].set_ylabel("targets in memory together")
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle(title)
    finish(figure, footer)
    return figure
