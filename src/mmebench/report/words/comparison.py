"""A comparison in words: Markdown, for a terminal as well as for a pull request."""

from mmebench.figures.comparability import Differences
from mmebench.figures.compare import FAILURES, Change, Side, StageChange


def write_comparison(before: Side, after: Side, stages: list[StageChange], differences: Differences) -> str:
    """One pair of runs: what differs beside the figures, and a table for each load."""
    lines = [f"## {before.name} → {after.name}" if before.name != after.name else f"## {before.name}", ""]
    for title, found in (("Not comparable", differences.prohibitive), ("To be known", differences.notable)):
        if found:
            lines += [f"**{title}:**", "", *(f"- {_escape(text)}" for text in found), ""]
    if not stages:
        return "\n".join([*lines, "No load was offered to both.", ""])
    lines += ["| load | figure | before | after | change | 95 % interval | |", "|---|---|---:|---:|---:|---:|---|"]
    for stage in stages:
        for number, change in enumerate(stage.changes):
            lines.append(_row(_escape(stage.name) if number == 0 else "", change))
    return "\n".join([*lines, ""])


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
