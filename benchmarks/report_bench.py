"""``mmebench report`` of a run of two million samples and of 100 runs, and how one of 50 runs opens in a browser.

The report runs as a command, Python's start included. The browser is Chromium without a window, its page opened
from disk: "there" is when all of the file is read and its verdict, charts and tables are shown.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from playwright.sync_api import sync_playwright

from harness import publish, within
from mmebench.environment import describe_environment
from mmebench.record.layout import RunFiles
from mmebench.record.run import Capacity, FirstInvocation, StageWindow, write_run
from mmebench.record.samples import write_samples
from mmebench.report.report import write_report
from summary_bench import PART_SECONDS, make_part, make_run

ROUNDS = 7
STAGES = 10
MANY_SAMPLES = 2_000_000
RUNS = 50
HUNDRED = 100
SAMPLES_OF_EACH = 10_000


def write_load(directory: Path, targets: int, count: int) -> None:
    """A run of ten stages with so many samples, which fits 60 times."""
    files = RunFiles(directory, "local", "pt", targets)
    write_samples((make_part(number, count // STAGES) for number in range(STAGES)), files.samples)
    files.stats_history.touch()
    windows = tuple(
        StageWindow(users=number + 1, start=at, ready=at + 1.0, end=at + PART_SECONDS)
        for number, at in enumerate(range(0, STAGES * PART_SECONDS, PART_SECONDS))
    )
    loads = tuple(
        FirstInvocation(target=f"{number}", seconds=1, memory_used=number * 2**27) for number in range(1, 61)
    )
    capacity = Capacity(fits=60, limited_by="eviction", bytes_per_copy=2**27, memory_budget=2**33, loads=loads)
    known = {"targets": targets, "capacity": capacity, "environment": describe_environment()}
    write_run(make_run(windows).model_copy(update=known), files.run)


def report(directory: Path) -> tuple[float, float]:
    """Seconds that the command takes, and the most MB that it or a command before it held."""
    began = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "mmebench", "report", str(directory)], check=True, stdout=subprocess.DEVNULL
    )
    return perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3


def open_page(page: Path) -> tuple[float, float]:
    """Seconds until the first is seen of it, and until it is there."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]) as chromium,
    ):
        shown = chromium.new_page(viewport={"width": 1200, "height": 900})
        began = perf_counter()
        shown.goto(page.as_uri())
        shown.wait_for_selector("footer")  # its end; long tables are there at a click
        seconds = perf_counter() - began
        paint = shown.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return paint / 1e3, seconds


def main() -> None:
    """Make the runs, report, open, publish."""
    with tempfile.TemporaryDirectory() as scratch:
        large, many, hundred = Path(scratch, "large"), Path(scratch, "many"), Path(scratch, "hundred")
        for directory in (large, many, hundred):
            directory.mkdir()
        write_load(large, 50, MANY_SAMPLES)
        for number in range(RUNS):
            write_load(many, 10 + number, SAMPLES_OF_EACH)
        for number in range(HUNDRED):
            write_load(hundred, 10 + number, SAMPLES_OF_EACH)
        os.sync()
        anew, _ = report(hundred)
        write_load(hundred, 10, SAMPLES_OF_EACH + STAGES)
        again, _ = report(hundred)
        reports = [report(large) for _ in range(ROUNDS)]
        write_report(many)
        pages = [open_page(many / "report.html") for _ in range(ROUNDS)]
        size = (many / "report.html").stat().st_size / 1e6
    figure = f"report of {MANY_SAMPLES / 1e6:g} million samples"
    publish(
        "report",
        [
            within(figure, "s", [seconds for seconds, _ in reports], "a limit", 5),
            within(f"{figure}, peak memory", "MB", [memory for _, memory in reports], "a limit", 1000),
            within(f"report of {HUNDRED} runs, all anew", "s", [anew], "a limit", 60),
            within(f"report of {HUNDRED} runs, one of them new", "s", [again], "a limit", 10),
            within(f"report.html of {RUNS} runs", "MB", [size], "a limit", 15),
            within(f"report.html of {RUNS} runs, first seen", "s", [first for first, _ in pages], "a limit", 2),
            within(f"report.html of {RUNS} runs, there", "s", [there for _, there in pages], "a limit", 2),
        ],
    )


if __name__ == "__main__":
    main()
