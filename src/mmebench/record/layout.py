"""Where results are: ``results/<model>/<instance_type>*<platform>*<targets>_<what>``.

The names are those that Locust's ``--csv`` option makes of its prefix, and what other tools that read this
layout expect. Shells take a star for a pattern, so that a spec may ask for names without.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mmebench.spec.layout import Layout

_BETWEEN: dict[Layout, str] = {"stars": "*", "plain": "__"}
_STATS_HISTORY = re.compile(
    r"(?P<instance_type>[^*]+?)(?P<between>\*|__)(?P<platform>[^*_]+)(?P=between)(?P<targets>\d+)_stats_history\.csv"
)

SUMMARY = "summary_results.csv"
SUMMARY_BY_MODEL = "summary_by_model.csv"
"""One row a stage and kind of model; only where a run is of a fleet."""
VARIANTS = "variants.csv"
"""One row a load, figure and variant; only where a run is a variant."""
HOSTINGS = "hostings.csv"
"""One row a way to host; only where the same models were hosted in several."""
CHART2 = "chart2.png"
DISTRIBUTION_CHART = "distribution.png"
KNEE_CHART = "knee.png"
COST_CHART = "cost.png"
TUNING = "tuning.json"
TUNING_TABLE = "tuning.csv"
TUNING_CHART = "tuning.png"
PLAN = "plan.json"
PLAN_TABLE = "plan.csv"
PLAN_CHART = "plan.png"
BEST = "best.yaml"
"""Of a tuning: the spec of its best trial."""
CHARTS_OF_ALL = (CHART2, DISTRIBUTION_CHART, KNEE_CHART, COST_CHART, TUNING_CHART, PLAN_CHART)
"""The pictures that have all runs in them; :class:`RunFiles` has those of one."""
REPORT = "report.html"


@dataclass(frozen=True)
class RunFiles:
    """The files of one run, whether they exist or not."""

    directory: Path
    instance_type: str
    platform: str
    targets: int
    layout: Layout = "stars"

    @property
    def prefix(self) -> Path:
        """What Locust's ``--csv`` is given."""
        return self.directory / _BETWEEN[self.layout].join((self.instance_type, self.platform, str(self.targets)))

    def _file(self, what: str) -> Path:
        return self.directory / f"{self.prefix.name}_{what}"

    @property
    def stats(self) -> Path:
        """Locust's figures of the whole test."""
        return self._file("stats.csv")

    @property
    def stats_history(self) -> Path:
        """Locust's figures, a row every second: cumulative counts and averages since the start."""
        return self._file("stats_history.csv")

    @property
    def samples(self) -> Path:
        """One row a request."""
        return self._file("samples.parquet")

    @property
    def stream(self) -> Path:
        """Where the samples are while the run lasts."""
        return self._file("samples.arrows")

    @property
    def run(self) -> Path:
        """The record of the run."""
        return self._file("run.json")

    @property
    def sightings(self) -> Path:
        """What the endpoint said of itself during the load, a row a second."""
        return self._file("sightings.csv")

    @property
    def metrics(self) -> Path:
        """What others recorded of the endpoint during the load."""
        return self._file("metrics.csv")

    @property
    def by_target(self) -> Path:
        """What each target was asked and how it answered, a row a stage and target."""
        return self._file("by_target.csv")

    @property
    def figures(self) -> Path:
        """What a report computed of all these, for the next one."""
        return self._file("figures.jsonl")

    @property
    def kinds_chart(self) -> Path:
        """The kinds of a fleet side by side."""
        return self._file("by_model.png")

    def experiment(self, kind: str) -> "ExperimentFiles":
        """What an experiment of this kind left."""
        return ExperimentFiles(self, kind)

    @property
    def chart1(self) -> Path:
        """Throughput and latency over users, successes and failures below."""
        return self._file("chart1.png")

    @property
    def latency_chart(self) -> Path:
        """Latency from second to second."""
        return self._file("latency.png")

    @property
    def resources_chart(self) -> Path:
        """GPU, CPU and memory during the load."""
        return self._file("resources.png")

    @property
    def capacity_chart(self) -> Path:
        """Memory over the targets that were loaded."""
        return self._file("capacity.png")

    def set_aside(self) -> Path | None:
        """Move what an earlier run left under these names to ``earlier/<time>/``, and say where; None: nothing."""
        found = [path for path in self.directory.iterdir() if path.name.startswith(f"{self.prefix.name}_")]
        if not found:
            return None
        newest = max(path.stat().st_mtime for path in found)
        stamp = datetime.fromtimestamp(newest, UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = self.directory / "earlier" / stamp
        aside.mkdir(parents=True, exist_ok=True)
        for path in found:
            path.replace(aside / path.name)
        return aside


@dataclass(frozen=True)
class ExperimentFiles:
    """The files of one experiment, which belong to a run, whether they exist or not."""

    run: RunFiles
    kind: str

    @property
    def table(self) -> Path:
        """What came of it."""
        return self.run.directory / f"{self.run.prefix.name}_{self.kind}.csv"

    @property
    def chart(self) -> Path:
        """The same as a picture."""
        return self.table.with_suffix(".png")

    @property
    def loads(self) -> Path:
        """The folder for the loads that it consists of, each in the layout of a run."""
        return self.table.with_suffix("")


def repeat_of(directory: Path, repeat: int) -> Path:
    """Where the runs of a repeat are, counted from 0, of the benchmark in a ``results/<model>`` directory."""
    return directory if repeat == 0 else directory / f"repeat-{repeat + 1}"


def find_repeats(directory: Path) -> list[RunFiles]:
    """The runs of all repeats but the first, of the benchmark in a ``results/<model>`` directory."""
    folders = sorted(directory.glob("repeat-*"), key=lambda folder: (len(folder.name), folder.name))
    return [run for folder in folders if folder.is_dir() for run in find_runs(folder)]


def find_runs(directory: Path) -> list[RunFiles]:
    """The runs in a ``results/<model>`` directory, by instance type, platform and targets."""
    runs = []
    for path in directory.iterdir():
        match = _STATS_HISTORY.fullmatch(path.name)
        if match:
            layout: Layout = "stars" if match["between"] == "*" else "plain"
            targets = int(match["targets"])
            runs.append(RunFiles(directory, match["instance_type"], match["platform"], targets, layout))
    return sorted(runs, key=lambda run: (run.instance_type, _natural(run.platform), run.targets))


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key by which ``b8`` comes before ``b32``."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name))
