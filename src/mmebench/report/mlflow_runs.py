"""Results in MLflow: a run for each run, a step for each stage, and the files."""

import json
import os
from collections.abc import Iterator
from glob import escape
from pathlib import Path
from typing import Any

import pandas as pd

from mmebench.errors import MmebenchError
from mmebench.record.layout import REPORT, RunFiles, find_runs
from mmebench.record.run import Run, find_run
from mmebench.report.runs import RunKey, stages_by_run

_SETTINGS = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_ABOUT = ("model", "platform", "precision", "instance_type", "container", "targets", "digest", "started_at")


def log_runs(directory: Path, summary: pd.DataFrame, tracking_uri: str) -> list[str]:
    """Log every run of a results directory; the experiment is named as the model.

    Parameters are what the run is of, the workload and the objectives; metrics are the numbers of each stage's row
    of the summary, with the stage as their step; artefacts are the run's own files and the report.

    Args:
        directory: ``results/<model>``, reported on.
        summary: its rows.
        tracking_uri: as MLflow has it: a server, a database, or ``file:mlruns``.

    Returns:
        The names of the runs.

    Raises:
        MmebenchError: MLflow does not take them.
    """
    # Where nobody says otherwise: files are a store, too, a server that does not answer is waited for briefly, and
    # what is logged here is told to no other.
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    import mlflow
    from mlflow.exceptions import MlflowException

    names = []
    try:
        mlflow.set_tracking_uri(tracking_uri)
        mlflow.set_experiment(directory.name)
        stages = dict(stages_by_run(summary))
        for files in find_runs(directory):
            run = find_run(files)
            key = RunKey(files.instance_type, files.platform, files.targets)
            with mlflow.start_run(run_name=key.name):
                mlflow.log_params(_parameters(files, run))
                for step, (_, row) in enumerate(stages.get(key, summary.iloc[:0]).iterrows(), 1):
                    mlflow.log_metrics(dict(_metrics(row)), step=step)
                own = set(directory.glob(f"{escape(files.prefix.name)}_*")) - {files.figures}
                for artefact in (*sorted(own), directory / REPORT):
                    mlflow.log_artifact(str(artefact))
            names.append(key.name)
    except (MlflowException, OSError) as error:
        raise MmebenchError(f"MLflow at {tracking_uri}: {error}") from error
    return names


def _parameters(files: RunFiles, run: Run | None) -> dict[str, Any]:
    if run is None:
        return {"platform": files.platform, "instance_type": files.instance_type, "targets": files.targets}
    asked = {part: json.dumps(run.spec.get(part, {})) for part in ("workload", "objectives", "platforms", "model")}
    return {name: getattr(run, name) for name in _ABOUT if name != "model"} | {"model_name": run.model} | asked


def _metrics(row: "pd.Series[Any]") -> Iterator[tuple[str, float]]:
    """Its numbers, under names that MLflow takes."""
    for column, value in row.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and pd.notna(value):
            yield str(column).replace("/s", " per second"), float(value)
