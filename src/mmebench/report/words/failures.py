"""Why requests failed, in the words of what turned them down."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pandas as pd

from mmebench.record.messages import normalised
from mmebench.record.run import Run
from mmebench.report.runs import RunKey, runs_in_words
from mmebench.units import counted

_MOST = 5
_LONGEST = 200
"""Characters of a body."""
_IN_WORDS = {
    "ReadTimeout": ": no whole answer came within workload.timeout",
    "ConnectTimeout": ": no connection within its time",
    "ConnectionRefusedError": ": nobody listens there",
    "ConnectionResetError": ": the server ended the connection",
    "ConnectionClosed": ": the server closed the connection before its answer was whole",
    "ProtocolError": ": what came is no answer of HTTP/1.1 to one request",
}
"""What the client's own names for failures mean."""


def explain_failures(runs: Sequence[Run]) -> Iterator[str]:
    """What failed answers of each run said, most frequent first, each with the first body if that says more."""
    for run in runs:
        alike = [failed for stage in run.stages for failed in stage.failures]
        counts: Counter[tuple[str, int, str]] = Counter()
        for failed in alike:
            counts[failed.error, failed.status, failed.message] += failed.count
        who = RunKey(run.instance_type, run.platform, run.targets).name
        for (error, status, message), count in counts.most_common(_MOST):
            first = next(
                each.body for each in alike if (each.error, each.status, each.message) == (error, status, message)
            )
            answered = f"{error} ({status})" if status and str(status) not in error else error
            said = f": {message}" if message else _IN_WORDS.get(error, "")
            shown = first if len(first) <= _LONGEST else f"{first[:_LONGEST]}…"
            body = f"; the first: {shown}" if first.strip() and normalised(first) != message else ""
            yield f"{who}: {counted(count, 'request')} of the whole load failed with {answered}{said}{body}"
        if len(counts) > _MOST:
            yield f"{who}: requests failed in {len(counts) - _MOST} other ways; see failures in its run.json"


def nothing_succeeded(summary: pd.DataFrame) -> list[str]:
    """The runs, by name, in which no request succeeded."""
    return [name for name, stages in runs_in_words(summary) if not stages["Successful Requests"].sum()]
