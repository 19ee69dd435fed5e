"""A benchmark as a person sees it in the terminal: progress, table, verdict, exit code."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console

from mmebench.benchmark.outcome import Outcome
from mmebench.benchmark.progress import RunProgress
from mmebench.benchmark.web.picture import LivePicture
from mmebench.benchmark.web.server import serve_live_page
from mmebench.cli.as_json import outcome_fields, print_json
from mmebench.cli.options import Output, say
from mmebench.endpoints.endpoint import CleanUpError
from mmebench.errors import MmebenchError, disk_errors
from mmebench.figures.cost import most_per_dollar
from mmebench.load.locust_pages import LocustPages
from mmebench.report.words.failures import nothing_succeeded
from mmebench.report.words.hostings import hosting_table, hostings_in_words
from mmebench.report.words.models_table import models_table
from mmebench.report.words.objectives import Verdict, judge
from mmebench.report.words.table import summary_table
from mmebench.report.words.trades import trade_table, trades_in_words
from mmebench.spec import Objectives


@contextmanager
def shown(
    results: Path, output: Output, web_port: int | None = None
) -> Iterator[tuple[RunProgress, LocustPages | None]]:
    """A benchmark's progress, in the terminal and with a ``web_port`` on a page, and where Locust's pages are.

    A SIGTERM takes the same way out as Ctrl-C, and so does a terminal that is closed: what was started is stopped,
    what was measured is kept.
    """
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # as it is under nohup
            signal.signal(ending, lambda number, _: sys.exit(128 + number))
    picture = LivePicture()
    live_page = nullcontext(None) if web_port is None else serve_live_page(picture, web_port)
    with (
        disk_errors(results),
        output.console() as console,
        live_page as live,
        RunProgress(console, picture=picture) as progress,
    ):
        if live is not None:
            progress.watch_at(live.url)
        yield progress, None if live is None else live.locust


def show(
    results: Path,
    objectives: Objectives,
    benchmark: Callable[[RunProgress, LocustPages | None], Outcome],
    output: Output,
    web_port: int | None = None,
) -> int:
    """Run ``benchmark`` as :func:`shown`, then say what came of it; returns the exit code."""
    with shown(results, output, web_port) as (progress, pages):
        outcome = benchmark(progress, pages)
    verdict = judge(outcome.report.summary, objectives)
    lost = nothing_succeeded(outcome.report.summary)
    problems = [*outcome.problems, *(MmebenchError(f"{run}: no request succeeded") for run in lost)]
    exit_code = gravest(problems, default=0 if verdict.met else 1)
    if output.as_json:
        print_json(outcome_fields(outcome, verdict, problems, exit_code))
    else:
        _print(outcome, objectives, verdict)
    for problem in problems:
        say(problem)
    return exit_code


def _print(outcome: Outcome, objectives: Objectives, verdict: Verdict) -> None:
    console = Console()
    console.print(summary_table(outcome.report.summary))
    if (models := models_table(outcome.report.summary, objectives)) is not None:
        console.print(models)
    if (trades := trade_table(outcome.report.trades)) is not None:
        console.print(trades)
    if (hostings := hosting_table(outcome.report.hostings)) is not None:
        console.print(hostings)
    choice = most_per_dollar(outcome.report.summary, objectives)
    chosen = (choice.reason,) if choice else ()
    where = f"Results, charts and samples: {outcome.directory}/"
    report = outcome.report
    for line in (
        *report.variants,
        *trades_in_words(report.trades),
        *hostings_in_words(report.hostings),
        *report.findings,
        *report.failures,
        *verdict.lines,
        *chosen,
        where,
        *outcome.staying,
    ):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def gravest(problems: Sequence[MmebenchError], default: int) -> int:
    """The exit code: a run that failed weighs more than a clean-up that did; ``default`` without either."""
    codes = [problem.exit_code for problem in problems]
    return max(codes, key=lambda code: code != CleanUpError.exit_code, default=default)
