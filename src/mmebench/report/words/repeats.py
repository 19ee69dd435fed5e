"""That figures are those of several repeats, in words."""

import pandas as pd


def repeats_in_words(rows: pd.DataFrame) -> str:
    """`` Means of 3 repeats, whose requests are added up.``; nothing where nothing was repeated."""
    most = rows["repeats"].max() if "repeats" in rows else 1
    return f" Means of {most:.0f} repeats, whose requests are added up." if most > 1 else ""
