"""The public API: ask for a benchmark from Python, read the results of any, and compare them.

>>> from mmebench import Benchmark, load_results
>>> benchmark = Benchmark(
...     model={"source": "timm", "name": "resnet18", "weights": "random"},
...     platforms=["pt", "onnx"],
...     endpoint={"kind": "local", "memory": "2GiB"},
... )
>>> results = benchmark.run("results")  # doctest: +SKIP
>>> results = load_results("results/resnet18")
>>> results.summary[["platform", "User Count", "Requests/s"]].round(1)
  platform  User Count  Requests/s
0       pt           2        10.0
1       pt           4        50.0
>>> print(results.verdict[0])
On local, 3 targets as pt; 50 requests/s at p99 30 ms (4 users).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pyarrow as pa

from mmebench.benchmark.progress import RunProgress
from mmebench.benchmark.story import run_benchmark
from mmebench.endpoints.endpoint import CleanUpError
from mmebench.errors import BadInputError, MmebenchError, together
from mmebench.figures.by_model import summarise_models, without_models
from mmebench.figures.by_target import summarise_targets
from mmebench.figures.comparison import Comparison, compare_results
from mmebench.figures.mix_capacity import Predicted, predict_mix
from mmebench.figures.requests import read_requests
from mmebench.figures.summary import summarise
from mmebench.figures.trades import find_trades
from mmebench.record.layout import CHARTS_OF_ALL, REPORT, RunFiles, find_runs
from mmebench.record.plan import PlanRecord
from mmebench.record.run import find_run, unread_records
from mmebench.record.samples import read_samples
from mmebench.record.tables import read_table
from mmebench.report.report import write_report
from mmebench.report.words.conclusions import common_objectives, conclude
from mmebench.spec import EXPERIMENTS, Objectives, Spec
from mmebench.spec.planning import Planning
from mmebench.spec.reading import load_spec, read_objectives, read_planning, read_spec

_PLANNER = "mmebench.plan.making"
"""Of an extra of its own, and compiled: not imported before somebody plans."""


class Benchmark:
    """One model on one or more platforms, or a fleet of models, on an endpoint, under a workload.

    The arguments are the fields of a spec, as a YAML file has them; see the documentation of specs.

    >>> Benchmark(model={"source": "timm", "name": "resnet18"}, platforms=["onnx"]).spec.endpoint.kind
    'local'
    >>> photos = {"model": {"source": "timm", "name": "resnet18"}, "platform": "onnx", "requests": 3}
    >>> reviews = {"model": {"source": "file", "path": "reviews.tar.gz"}, "requests": 1}
    >>> Benchmark(name="shop", models={"photos": photos, "reviews": reviews}).spec.shares
    {'photos': 0.75, 'reviews': 0.25}
    >>> Benchmark(models={"from": "archives"}).spec.endpoint.kind
    'local'
    >>> Benchmark(model={"source": "timm", "name": "resnet18"}, platforms="onnx", objectives={"p99": 200})
    Traceback (most recent call last):
    mmebench.errors.BadInputError: Benchmark: not a valid spec
      objectives.p99: got 200; milliseconds or seconds? write 200ms or 200s
    """

    def __init__(self, **fields: Any) -> None:
        """Raises BadInputError, with every mistake in it, unless ``fields`` make a spec."""
        self.spec: Spec = read_spec(fields, "Benchmark")

    @classmethod
    def from_file(cls, path: str | Path, *overrides: str) -> Self:
        """The benchmark of a YAML file, after ``overrides`` like ``workload.payload.batch=4``.

        Raises:
            BadInputError: it cannot be read, or is no spec.
        """
        benchmark = cls.__new__(cls)
        benchmark.spec = load_spec(Path(path), overrides)
        return benchmark

    def run(self, results: str | Path = "results") -> "Results":
        """Package, serve, fill, load and report, with progress shown; what was measured before is kept.

        Args:
            results: the directory for all results; a model's are in a directory of its name, and so are a fleet's.

        Raises:
            MmebenchError: something could not be done; what was measured until then is on disk.
        """
        from rich.console import Console

        if self.spec.plan is not None:
            import_module(_PLANNER)  # what it takes may not be installed: better said now

        with RunProgress(Console()) as progress:
            outcome = run_benchmark(self.spec, Path(results), progress)
        if outcome.problems:
            raise MmebenchError("\n".join(map(str, outcome.problems)))
        if self.spec.plan is not None:
            _plan([outcome.directory], self.spec.plan, self.spec.objectives)
        return load_results(outcome.directory)

    def tune(self, results: str | Path = "results") -> "Results":
        """Find the best configuration in the spec's ``tune``; each trial is a run, and what was measured is kept.

        ``best.yaml`` in the directory of what it returns is the spec of the best, for :meth:`from_file`, and
        ``tuning.csv`` has all trials.

        Raises:
            BadInputError: the spec has no ``tune``, or nothing in it could come to anything.
            MmebenchError: the first trials all failed, or something could not be cleaned up; what was measured is
                on disk. A single trial that failed is in ``tuning.csv``, and no error.
        """
        from rich.console import Console

        from mmebench.benchmark.tuning.tune import tune

        with RunProgress(Console()) as progress:
            tuned = tune(self.spec, Path(results), progress)
        left = [problem for problem in tuned.problems if isinstance(problem, CleanUpError)]
        if left:
            raise together(left)
        return load_results(tuned.directory)


@dataclass(frozen=True)
class Results:
    """What is in a ``results/<model>`` directory, or a fleet's; made by :func:`load_results`."""

    directory: Path
    summary: pd.DataFrame
    """One row a stage, with the columns of ``summary_results.csv``."""
    verdict: tuple[str, ...]
    """What to deploy, and what it holds, in sentences."""
    warnings: tuple[str, ...]
    """Why a figure may not mean what it seems to."""

    by_model: pd.DataFrame
    """One row a stage and kind of model, with the columns of ``summary_by_model.csv``; empty without a fleet."""
    variants: pd.DataFrame
    """What variants trade, one row a load, figure and run, with the columns of ``variants.csv``; else empty."""

    @property
    def runs(self) -> list[str]:
        """The names of the runs: ``<instance_type>*<platform>*<targets>``."""
        return [files.prefix.name for files in find_runs(self.directory)]

    def samples(self, run: str | None = None) -> pa.Table:
        """Every request of a run, with the columns of :data:`mmebench.record.samples.SCHEMA`.

        Args:
            run: one of :attr:`runs`; may be left out where there is only one.

        >>> load_results("results/resnet18").samples().num_rows
        600

        Raises:
            BadInputError: there is no such run, or it has no samples.
        """
        return read_samples(self._with_samples(run).samples)

    def by_target(self, run: str | None = None) -> pd.DataFrame:
        """What each target was asked in each stage of a run, with the columns of ``…_by_target.csv``.

        Args:
            run: one of :attr:`runs`; may be left out where there is only one.

        >>> load_results("results/resnet18").by_target()[["stage", "target", "requests", "p99_ms"]]
           stage    target  requests  p99_ms
        0      1  a.tar.gz       100    20.0
        1      2  a.tar.gz       500    30.0

        Raises:
            BadInputError: there is no such run, or it has no samples.
        """
        files = self._with_samples(run)
        record = find_run(files)
        if record is None:
            raise BadInputError(f"{files.run}: no record of the run; without it nobody knows its stages")
        return summarise_targets(read_requests(files.samples, record.capacity), record)

    def predict_mix(self, shares: Mapping[str, float], run: str | None = None) -> dict[str, Predicted]:
        """How many of each model of a fleet should fit together in another mix, with bounds.

        It follows from what the filling of the endpoint found that a copy of each takes of its memory; the
        experiment ``mixes`` shows how far that is true.

        Args:
            shares: the parts of the models in the mix, ``{"photos": 1, "reviews": 3}``; others are not in it.
            run: one of :attr:`runs`; may be left out where there is only one.

        Raises:
            BadInputError: there is no such run, it is of no fleet, or nobody knows what a copy takes.
        """
        record = find_run(self._files(run))
        capacity = None if record is None else record.capacity
        known = [kind.name for kind in capacity.kinds] if capacity else []
        if not known or not shares or set(shares) - set(known) or min(shares.values()) <= 0:
            allowed = f"parts over 0 of {', '.join(known)}" if known else "only for a fleet that was filled"
            raise BadInputError(f"predict_mix: got {dict(shares)}; allowed: {allowed}")
        predicted = None if capacity is None else predict_mix(capacity, shares)
        if predicted is None:
            raise BadInputError(
                f"predict_mix: got {dict(shares)}; what a copy of one of them takes is not known: none was in "
                "memory, or the endpoint does not say how much of that there is"
            )
        return predicted

    def plan(self, objectives: Mapping[str, Any] | None = None, **fields: Any) -> PlanRecord:
        """How many instances hold the objectives for a whole fleet, and what they cost; in ``plan.json``, too.

        ``load_results("results/resnet18").plan({"p99": "300ms"}, models=5000, traffic="zipf:1.1,50").best`` is the
        cheapest option.

        Args:
            objectives: as a spec has them; those of the runs unless told.
            fields: those of ``plan`` in a spec.

        Raises:
            BadInputError: a field is wrong, no plan could rest on these results, or no number of instances holds
                the objectives.
        """
        limits = None if objectives is None else read_objectives(objectives, "objectives")
        return _plan([self.directory], read_planning(fields, "plan"), limits)

    def experiment(self, kind: str, run: str | None = None) -> pd.DataFrame:
        """The table of an experiment: ``cold_starts``, ``working_set``, ``interference``, ``churn`` or ``mixes``.

        Raises:
            BadInputError: there is no such run, or the experiment was not part of it.
        """
        path = self._files(run).experiment(kind).table
        if not path.exists():
            raise BadInputError(
                f"{path}: no such table; allowed: {', '.join(EXPERIMENTS)}, if the spec asked for it"
            )
        return read_table(path)

    @property
    def charts(self) -> list[Path]:
        """The pictures: first those of each run, then those that have all runs in them."""
        return sorted(self.directory.glob("*.png"), key=lambda path: (path.name in CHARTS_OF_ALL, path.name))

    @property
    def report(self) -> Path:
        """report.html, written anew if it is not there."""
        path = self.directory / REPORT
        if not path.exists():
            write_report(self.directory)
        return path

    def _with_samples(self, run: str | None) -> RunFiles:
        files = self._files(run)
        if not files.samples.exists():
            raise BadInputError(f"{files.samples}: no samples; this run has only Locust's history")
        return files

    def _files(self, run: str | None) -> RunFiles:
        found = {files.prefix.name: files for files in find_runs(self.directory)}
        if run is None and len(found) == 1:
            return next(iter(found.values()))
        if run not in found:
            raise BadInputError(f"got run {run!r}; allowed: {', '.join(found)}")
        return found[run]


def load_results(directory: str | Path) -> Results:
    """The results in a ``results/<model>`` directory, of this tool or of Locust alone.

    >>> load_results("results/resnet18").runs
    ['local*pt*3']
    >>> load_results("nowhere")
    Traceback (most recent call last):
    mmebench.errors.BadInputError: nowhere: no such directory; give results/<model> of an earlier run

    Raises:
        BadInputError: there are none.
    """
    directory = Path(directory)
    summary = summarise(directory)
    records = [run for files in find_runs(directory) if (run := find_run(files)) is not None]
    conclusions = conclude(summary, common_objectives(records), records, unread_records(directory))
    return Results(
        directory,
        without_models(summary),
        conclusions.verdict,
        conclusions.warnings,
        summarise_models(summary),
        find_trades(summary),
    )


def _plan(results: Sequence[Path], planning: Planning, objectives: Objectives | None) -> PlanRecord:
    from mmebench.plan.making import keep_plan, make_plan  # compiles, which not everybody waits for

    record = make_plan(results, planning, objectives).record
    keep_plan(record, results[0])
    return record


def compare(
    before: str | Path | Sequence[str | Path], after: str | Path | Sequence[str | Path], anyway: bool = False
) -> list[Comparison]:
    """Results held against others, load by load, as ``mmebench compare`` does it; one for each pair of runs.

    Several results on a side are repeats of each other: figures are means over them, intervals those between them.

    >>> (comparison,) = compare(["results/resnet18", "again/resnet18"], ["results/resnet34", "again/resnet34"])
    >>> changes = comparison.changes
    >>> changes[changes["figure"] == "throughput"][["load", "before", "after", "verdict"]]
          load  before  after              verdict
    0  2 users    10.0   10.0  no difference shown
    7  4 users    50.0   50.0  no difference shown

    Args:
        before, after: ``results/<model>`` directories, or single runs of them:
            ``results/<model>/<instance>*<platform>*<targets>``.
        anyway: compare what is not comparable, too; ``comparison.differences`` says why it is not.

    Raises:
        BadInputError: there are no such results, they have nothing in common, or are not comparable.
    """
    sides = [[Path(side)] if isinstance(side, (str, Path)) else [*map(Path, side)] for side in (before, after)]
    if not all(sides):
        raise BadInputError("compare: got no result on one side; allowed: one or more; give results/<model>")
    return compare_results(sides[0], sides[1], anyway)
