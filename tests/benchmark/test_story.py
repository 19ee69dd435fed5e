"""A run is complete when all of it is on disk, and not before, whatever ends it."""

import html
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmebench.benchmark.experiments.experiment import run_experiment
from mmebench.benchmark.experiments.subject import Progress, Subject
from mmebench.benchmark.story import run_benchmark
from mmebench.errors import BadInputError, MmebenchError
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.run import read_run, unread_records
from mmebench.report.report import write_report
from mmebench.spec import Experiment, Spec
from support.watching import Watcher

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn")]

ENDS_AT_THE_EXPERIMENT = """
import os, sys
from mmebench.benchmark import endpoint_runs
from mmebench.cli import main
endpoint_runs.run_experiment = lambda *_: os.kill(os.getpid(), {signal})
sys.argv = ["mmebench", "run", "spec.yaml"]
main()
"""


def assert_it_goes_on(spec: Spec, results: Path, experiments: int = 1) -> None:
    """The record of what broke says so; the next start does what was left, and only then it is complete."""
    (files,) = find_runs(results / "model")
    assert files.samples.exists()
    broken = read_run(files.run)
    assert not broken.complete
    assert len(broken.stages) == 1, "what was measured can be looked at"
    watcher = Watcher()
    outcome = run_benchmark(spec, results, watcher)
    assert watcher.experiments == ["cold_starts"] * experiments
    assert read_run(files.run).complete
    assert files.experiment("cold_starts").table.exists()
    assert outcome.problems == ()
    again = Watcher()
    run_benchmark(spec, results, again)
    assert again.experiments == [], "nothing is left to do"


@pytest.mark.parametrize(("ending", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_run_that_ends_before_its_experiments_is_not_complete(
    spec: Spec, tmp_path: Path, ending: signal.Signals, status: int
) -> None:
    command = [sys.executable, "-c", ENDS_AT_THE_EXPERIMENT.format(signal=int(ending))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert_it_goes_on(spec, tmp_path / "results")


def test_an_endpoint_that_dies_before_the_experiments(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(experiment: Experiment, subject: Subject, progress: Progress) -> None:
        subject.endpoint.close()
        run_experiment(experiment, subject, progress)

    monkeypatch.setattr("mmebench.benchmark.endpoint_runs.run_experiment", die)
    with pytest.raises(MmebenchError):
        run_benchmark(spec, tmp_path / "results", Watcher())
    monkeypatch.undo()
    assert_it_goes_on(spec, tmp_path / "results")


def test_ctrl_c_while_the_endpoint_is_taken_down_loses_nothing(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmebench.endpoints.local import LocalEndpoint

    close = LocalEndpoint.close

    def interrupted(endpoint: LocalEndpoint) -> None:
        close(endpoint)
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalEndpoint, "close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_benchmark(spec, tmp_path / "results", Watcher())
    (files,) = find_runs(tmp_path / "results" / "model")
    assert read_run(files.run).complete


def test_a_record_that_was_cut_off_counts_as_absent_and_is_named(spec: Spec, tmp_path: Path) -> None:
    run_benchmark(spec, tmp_path / "results", Watcher())
    (files,) = find_runs(tmp_path / "results" / "model")
    files.run.write_bytes(files.run.read_bytes()[:200])
    (reason,) = unread_records(files.directory)
    assert files.run.name in reason
    assert "it counts as absent" in reason
    with pytest.raises(BadInputError) as nothing:
        write_report(files.directory)
    assert reason in str(nothing.value)
    beside = RunFiles(files.directory, "ml.g5.xlarge", "pt", 3)
    beside.stats_history.write_text(
        "Timestamp,User Count,Name,Total Request Count,Total Failure Count,Total Average Response Time\n"
        + "".join(f"{second},20,Aggregated,{10 * second},0,25.0\n" for second in range(30))
    )
    report = write_report(files.directory)
    assert report.unread == (reason,), "and the others are reported on"
    assert reason in html.unescape((files.directory / "report.html").read_text())
    assert list(report.summary["platform"]) == ["pt"]
    watcher = Watcher()
    run_benchmark(spec, tmp_path / "results", watcher)
    assert watcher.unread_reasons == [reason]
    assert read_run(files.run).complete
