"""One benchmark, run to its end by a command, and what it left."""

import re
from pathlib import Path

import pandas as pd
import pytest

from mmebench.record.layout import find_runs
from mmebench.record.run import read_run
from mmebench.record.samples import read_samples
from support.commands import SPEC, leftovers, mmebench, write

pytestmark = [pytest.mark.e2e, pytest.mark.triton, pytest.mark.export]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The directory and the output of one benchmark, run to its end."""
    directory = tmp_path_factory.mktemp("run")
    done = mmebench("run", write(directory, SPEC), cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory, done.stdout


def test_results_are_laid_out_as_promised(finished: tuple[Path, str]) -> None:
    directory, output = finished
    results = directory / "results" / "test_resnet"
    runs = find_runs(results)
    assert sorted(run.platform for run in runs) == ["onnx", "pt"]
    for run in runs:
        for what in ("stats", "stats_history", "failures", "exceptions"):
            assert Path(f"{run.prefix}_{what}.csv").exists()
        assert run.chart1.read_bytes().startswith(b"\x89PNG")
    assert (results / "chart2.png").read_bytes().startswith(b"\x89PNG")
    summary = pd.read_csv(results / "summary_results.csv")
    assert summary["User Count"].tolist() == [1, 3, 1, 3]
    assert (summary["Failed Requests"] == 0).all()
    assert (summary["Successful Requests"] > 5).all()
    assert summary["littles_law"].median() == pytest.approx(1, abs=0.1)
    undisturbed = summary[~summary["client_limited"]]  # by others on this machine
    assert undisturbed["littles_law"].between(0.9, 1.1).all()
    for expected in ("pt: ", "onnx: ", "targets fit", "held up to", "results/test_resnet"):
        assert expected in output


def test_samples_and_record_tell_the_same_story(finished: tuple[Path, str]) -> None:
    directory, _ = finished
    for files in find_runs(directory / "results" / "test_resnet"):
        run, samples = read_run(files.run), read_samples(files.samples)
        assert run.complete
        assert run.container.startswith("triton 2.")
        assert run.capacity is not None
        assert run.capacity.fits == run.targets == len(run.capacity.loads)
        assert run.capacity.bytes_per_copy is not None
        assert 20e6 < run.capacity.bytes_per_copy < 400e6
        assert samples["error"].null_count == len(samples)
        assert len(set(samples["target"].to_pylist())) == run.targets
        assert samples["cold"].null_count == 0
        (row,) = pd.read_csv(f"{files.prefix}_stats.csv").query("Name == 'InvokeEndpoint'").to_dict("records")
        assert row["Request Count"] == len(samples)


def test_nothing_is_left_running_and_no_store_behind(finished: tuple[Path, str]) -> None:
    directory, _ = finished
    assert leftovers() == []
    assert list(directory.glob("results/*/.store-*")) == []
    assert list(directory.glob("results/*/*.arrows")) == []


def test_a_second_start_measures_nothing_again(finished: tuple[Path, str]) -> None:
    directory, _ = finished
    before = {
        run.samples: run.samples.stat().st_mtime_ns for run in find_runs(directory / "results" / "test_resnet")
    }
    again = mmebench("run", directory / "spec.yaml", cwd=directory)
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count("measured already") == 2
    assert "endpoint http" not in again.stdout, "no endpoint is started for it"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_report_makes_the_same_table_from_files(finished: tuple[Path, str]) -> None:
    directory, output = finished
    results = directory / "results" / "test_resnet"
    (results / "summary_results.csv").unlink()
    (results / "chart2.png").unlink()
    done = mmebench("report", results, cwd=directory)
    assert done.returncode == 0, done.stderr
    assert (results / "summary_results.csv").exists()
    assert (results / "chart2.png").exists()
    rows = [line for line in output.splitlines() if re.search(r" \d\.\d\d$", line)]  # Little's law
    assert rows
    assert all(row in done.stdout for row in rows)


def test_a_missed_objective_is_exit_code_1(finished: tuple[Path, str]) -> None:
    directory, _ = finished
    missed = mmebench("run", directory / "spec.yaml", "--set", "objectives.p99=1us", cwd=directory)
    assert missed.returncode == 1, missed.stdout + missed.stderr
    assert "missed in every stage" in missed.stdout
    assert missed.stdout.count("measured already") == 2, "an objective does not change what is measured"
