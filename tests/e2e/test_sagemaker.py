"""``mmebench run`` on SageMaker, and ``mmebench clean`` after it was killed.

Control plane, S3 and CloudWatch are moto's server over HTTP; invocations are answered by a real local endpoint.
"""

import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mmebench.archive import pack
from mmebench.results.layout import find_runs
from mmebench.results.run import read_run
from support import cloud
from support.contract_server import ContractServer
from support.deadly_proxy import DeadlyProxy
from support.sagemaker_runtime import sagemaker_runtime
from support.serving import serving
from support.tiny_models import WIDTH, onnx_archive

pytestmark = pytest.mark.e2e


@dataclass
class Account:
    """Amazon's side, and a person with a spec before it."""

    moto: str
    proxy: DeadlyProxy
    environment: dict[str, str]
    archive: Path
    folder: Path

    def spec(self, **endpoint: Any) -> Path:
        tensor = {"datatype": "FP32", "shape": [WIDTH]}
        basic = {
            "kind": "sagemaker",
            "instance_type": "ml.g5.xlarge",
            "role": cloud.ROLE,
            "bucket": cloud.BUCKET,
            "prices": {"ml.g5.xlarge": 1.5, "ml.g4dn.xlarge": 0.75},
        }
        spec = {
            "model": {
                "source": "file",
                "path": str(self.archive),
                "inputs": [{"name": "x"} | tensor],
                "outputs": [{"name": "y"} | tensor],
            },
            "platforms": ["onnx"],
            "endpoint": basic | endpoint,
            "targets": {"count": 2},
            "workload": {
                "payload": {"encoding": "json"},
                "profile": {"stages": [{"users": 1, "duration": "1s", "warmup": "200ms"}]},
            },
        }
        path = self.folder / "spec.yaml"
        path.write_text(yaml.safe_dump(spec), encoding="utf-8")
        return path

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "mmebench", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def mmebench(self, *arguments: object) -> tuple[int, str]:
        process = self.start(*arguments)
        self.proxy.victim = process.pid
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    @property
    def journals(self) -> list[Path]:
        return list((self.folder / "state").glob("mmebench/journals/*"))


@pytest.fixture(scope="module")
def amazon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    folder = tmp_path_factory.mktemp("amazon")
    archive = onnx_archive(folder / "tiny.tar.gz", 4)
    model = folder / "tiny.tar.gz-folder" / "tiny"
    (model / "offset").write_text("4")  # what the test's container serves
    pack(model, archive)
    with cloud.moto_server() as moto, ContractServer() as container, DeadlyProxy(moto) as proxy:
        cloud.reset(moto)
        environment = cloud.environment(proxy.url) | {"XDG_STATE_HOME": str(folder / "state")}
        options = ("--container", container.url, "--model-directory", str(folder / "held"))
        with (
            serving(f"s3://{cloud.BUCKET}", folder / "serve.log", *options, **cloud.environment(moto)) as local,
            sagemaker_runtime(moto, local.url) as runtime,
        ):
            environment["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = runtime
            yield Account(moto, proxy, environment, archive, folder)


@pytest.fixture
def account(amazon: Account) -> Account:
    """Empty, and nothing of an earlier test is left."""
    cloud.reset(amazon.moto)
    amazon.proxy.forget()
    for name in ("state", "results"):
        shutil.rmtree(amazon.folder / name, ignore_errors=True)
    return amazon


def test_a_run_from_an_empty_account_to_a_clean_one(account: Account) -> None:
    status, output = account.mmebench("run", account.spec())
    assert status == 0, output
    assert cloud.everything(account.moto) == []
    assert account.journals == []
    (files,) = find_runs(account.folder / "results" / "tiny")
    run = read_run(files.run)
    assert (run.complete, run.instance_type, run.targets) == (True, "ml.g5.xlarge", 2)
    assert run.container == "sagemaker-tritonserver:25.09-py3"
    assert run.capacity is not None
    assert run.capacity.fits == 2
    assert run.evictions_during_load is None, "nobody says"
    assert run.price is not None
    assert (run.price.usd_per_hour, run.price.source) == (1.5, "the spec")
    assert run.endpoint_seconds is not None
    assert 1 < run.endpoint_seconds < 60
    (row,) = pd.read_csv(files.directory / "summary_results.csv").to_dict("records")
    assert row["usd_per_target_hour"] == 0.75
    assert row["usd_per_million_inferences"] == pytest.approx(1.5e6 / 3600 / row["Requests/s"], rel=1e-4)
    assert row["usd_of_run"] == pytest.approx(1.5 * run.endpoint_seconds / 3600, rel=1e-4)
    status, output = account.mmebench("run", account.spec())
    assert (status, "measured already" in output) == (0, True), output


def test_what_could_cost_more_than_its_budget_is_not_started(account: Account) -> None:
    status, output = account.mmebench("run", account.spec(budget=2.0))
    assert status == 2, output
    assert "endpoint.budget: $2.00 is less than the $3.00 that the spec costs" in output
    assert "Traceback" not in output
    assert account.proxy.calls == []


def test_no_secret_and_no_account_is_written_anywhere(account: Account) -> None:
    account.environment["AWS_SESSION_TOKEN"] = "the-token-of-this-session"
    try:
        status, output = account.mmebench("run", account.spec())
    finally:
        del account.environment["AWS_SESSION_TOKEN"]
    assert status == 0, output
    files = [path for path in (account.folder / "results").rglob("*") if path.is_file()]
    assert len(files) > 10
    for secret in (cloud.ACCOUNT, "AWS_SECRET", "the-token-of-this-session", "testing"):
        assert secret not in output
        for path in files:
            assert secret.encode() not in path.read_bytes(), path


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("journals", "step"), [("kept", 1), ("lost", 4)])
def test_killed_after_any_call_and_cleaned(account: Account, journals: str, step: int) -> None:
    """The tool dies by SIGKILL after each single call of a run, in turn; clean then leaves nothing, every time."""
    assert account.mmebench("run", account.spec())[0] == 0
    calls = list(account.proxy.calls)
    assert "CreateEndpoint" in calls
    assert "DeleteEndpoint" in calls
    left = 0
    numbers = range(1, len(calls) + 1, step)
    for number in numbers:
        cloud.reset(account.moto)
        shutil.rmtree(account.folder / "results")
        account.proxy.forget(kill_after=number)
        status, output = account.mmebench("run", account.spec())
        if number == len(calls):
            assert status in (0, -signal.SIGKILL)
        else:
            assert status == -signal.SIGKILL, f"after {calls[number - 1]}: {output}"
        account.proxy.forget()
        left += bool(cloud.everything(account.moto))
        if journals == "lost":
            shutil.rmtree(account.folder / "state")
        status, output = account.mmebench("clean", *([] if journals == "kept" else [account.spec()]))
        assert status == 0, output
        assert cloud.everything(account.moto) == [], f"killed after call {number}, {calls[number - 1]}: {output}"
        assert account.journals == []
    assert left > len(numbers) / 2, "there was something to clean most of the time"
