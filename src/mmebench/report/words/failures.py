"""Why requests failed, in the words of what turned them down."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pandas as pd

from mmebench.record.run import Run
from mmebench.report.runs import RunKey

_MOST = 5


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
            said = f": {message}" if message else ""
            body = f"; the first: {first}" if first.strip() and first.strip() != message else ""
            yield f"{who}: {count} requests failed with {answered}{said}{body}"
        if len(counts) > _MOST:
            yield f"{who}: requests failed in {len(counts) - _MOST} other ways; see failures in its run.json"


def nothing_succeeded(summary: pd.DataFrame) -> list[str]:
    """The runs, by name, in which requests failed and none succeeded."""
    return [
        f"{platform} on {instance_type}"
        for (instance_type, platform, _), stages in summary.groupby(
            ["instance_type", "platform", "targets"], sort=False
        )
        if stages["Failed Requests"].sum() > 0 and not stages["Successful Requests"].sum()
    ]
