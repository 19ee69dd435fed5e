"""A comparison in words: Markdown, for a terminal as well as for a pull request."""

from mmebench.figures.comparison import Comparison
from mmebench.figures.stage_changes import FAILURES, Change


def write_comparison(comparison: Comparison) -> str:
    """One pair of sides: what differs beside the figures, and a table for each load."""
    lines = [f"## {comparison.name}", ""]
    before, after, differences = comparison.before, comparison.after, comparison.differences
    if before.count > 1 or after.count > 1:
        lines += [f"before: {before.basis}; after: {after.basis}.{_warn(comparison)}", ""]
    for title, found in (("Not comparable", differences.prohibitive), ("To be known", differences.notable)):
        if found:
            lines += [f"**{title}:**", "", *(f"- {_escape(text)}" for text in found), ""]
    if not comparison.stages:
        return "\n".join([*lines, "No load was offered to both.", ""])
    lines += ["| load | figure | before | after | change | 95 % interval | |", "|---|---|---:|---:|---:|---:|---|"]
    for stage in comparison.stages:
        for number, change in enumerate(stage.changes):
            lines.append(_row(_escape(stage.name) if number == 0 else "", change))
    return "\n".join([*lines, ""])


def _warn(comparison: Comparison) -> str:
    """Where one side knows less of itself than the other."""
    single = [name for name in ("before", "after") if getattr(comparison, name).count < 2]
    if not single:
        return ""
    return (
        f" What differs from run to run is not in the intervals of {single[0]}: a small difference may be chance "
        "all the same; measure it again."
    )


def _row(load: str, change: Change) -> str:
    verdict = f"**{change.verdict}**" if change.verdict in ("better", "worse") else change.verdict
    if change.metric == FAILURES:
        before, after = f"{change.before:.2%}", f"{change.after:.2%}"
        sizes = [f"{value * 100:+.2f} points" for value in change.change]
    else:
        before, after = (f"{value:.4g} {change.unit}" for value in (change.before, change.after))
        sizes = [f"{value:+.1%}" for value in change.change]
    value, low, high = (size if "nan" not in size else "" for size in sizes)
    interval = f"{low} … {high}" if low and high else ""
    return f"| {load} | {change.metric} | {before} | {after} | {value} | {interval} | {verdict} |"


def _escape(text: str) -> str:
    """Names of files hold stars, which are no emphasis."""
    return text.replace("*", "\\*").replace("|", "\\|")
