"""Results in a real store of MLflow's."""

import os
from pathlib import Path

from click.testing import CliRunner

from mmebench.cli import cli
from mmebench.errors import MmebenchError
from mmebench.record.run import StageWindow
from support.samples import Sample, sample_table, write_run


def test_a_run_a_step_a_stage_and_the_files(tmp_path: Path) -> None:
    import mlflow  # it takes a second, which those who only collect tests need not spend

    directory = tmp_path / "results" / "tiny"
    directory.mkdir(parents=True)
    stages = (StageWindow(users=1, start=0, ready=1, end=11), StageWindow(users=2, start=11, ready=12, end=22))
    samples = [Sample(100 * n, 100 * n + 10 * (1 + n // 110)) for n in range(220)]
    files = write_run(directory, sample_table(samples), stages, targets=3)
    other = write_run(directory, sample_table(samples[:5]), (), targets=30)
    store = f"file:{tmp_path / 'mlruns'}"
    done = CliRunner().invoke(cli, ["report", str(directory), "--mlflow", store], standalone_mode=False)
    assert done.exception is None, done.output
    assert f"MLflow at {store}" in done.output
    client = mlflow.MlflowClient(store)
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    other_run, run = client.search_runs([experiment.experiment_id])
    assert (run.data.params["targets"], other_run.data.params["targets"]) == ("3", "30")
    assert run.info.status == "FINISHED"
    assert run.data.params["platform"] == files.platform
    history = client.get_metric_history(run.info.run_id, "Total Median Response Time")
    assert [(metric.step, metric.value) for metric in history] == [(1, 10.0), (2, 20.0)]
    kept = {artefact.path for artefact in client.list_artifacts(run.info.run_id)}
    assert {"report.html", files.samples.name, files.run.name} <= kept
    assert not {other.samples.name, other.run.name, files.figures.name} & kept
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true", "nobody else is told"


def test_a_store_that_is_none_is_one_message(tmp_path: Path) -> None:
    directory = tmp_path / "tiny"
    directory.mkdir()
    stages = (StageWindow(users=1, start=0, ready=1, end=11),)
    write_run(directory, sample_table([Sample(100 * n, 100 * n + 10) for n in range(100)]), stages)
    done = CliRunner().invoke(cli, ["report", str(directory), "--mlflow", "nowhere://x"], standalone_mode=False)
    assert isinstance(done.exception, MmebenchError)
    assert str(done.exception).startswith("MLflow at nowhere://x: ")
