"""``mmebench run`` on SageMaker, and ``mmebench clean`` after it was killed.

Control plane, S3 and CloudWatch are moto's server over HTTP; invocations are answered by a real local endpoint.
"""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from mmebench.cli import cli
from mmebench.formats.archive import pack
from mmebench.record.layout import find_runs
from mmebench.record.metrics import read_metrics
from mmebench.record.run import read_run
from support import cloud
from support.contract_server import ContractServer
from support.deadly_proxy import DeadlyProxy
from support.sagemaker_runtime import sagemaker_runtime
from support.serving import serving
from support.tiny_models import WIDTH, onnx_archive

pytestmark = pytest.mark.e2e


REFUSAL = (
    "ResourceLimitExceeded",
    "The account-level service limit 'ml.g5.xlarge for endpoint usage' is 0 Instances",
)
IMPATIENT = """
import sys

if "run" in sys.orig_argv:
    import mmebench.endpoints.sagemaker.cloudwatch

    mmebench.endpoints.sagemaker.cloudwatch.DELIVERY_SECONDS = 0.0
"""


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
            "region": "us-east-1",
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
            "endpoint": {key: value for key, value in (basic | endpoint).items() if value is not None},
            "targets": {"count": 2},
            "workload": {
                "payload": {"encoding": "json"},
                "arrivals": {"kind": "closed", "think_time": "50ms"},
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
            # As a terminal would start it; under nohup a SIGHUP would be ignored, by those started here too.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )

    def mmebench(self, *arguments: object) -> tuple[int, str]:
        process = self.start(*arguments)
        self.proxy.victim = process.pid
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def clean(self, *arguments: object, **environment: str) -> tuple[int, str]:
        """``mmebench clean``, which is only ever called here after a death, without a process of its own."""
        words = ["clean", *map(str, arguments)]
        result = CliRunner().invoke(cli, words, env=self.environment | environment, standalone_mode=False)
        assert result.exception is None, result.output
        return result.return_value or 0, result.output

    def sweep(self, *arguments: object) -> "Sweep":
        """One command that is stopped after each of its calls; what it has left is cleaned as if it were dead.

        Its journals are copied for that, as nobody holds a copy. What was cleaned away is put back.
        """
        sweep = Sweep([], [], 0)
        beside = {"XDG_STATE_HOME": str(self.folder / "copied"), "AWS_ENDPOINT_URL": self.moto}

        def look(call: str) -> None:
            shutil.rmtree(self.folder / "copied", ignore_errors=True)
            if (self.folder / "state").exists():
                shutil.copytree(self.folder / "state", self.folder / "copied")
            with cloud.restored():
                sweep.there += bool(cloud.everything(self.moto))
                status, output = self.clean(**beside)
                left = cloud.everything(self.moto) + [path.name for path in self._journals("copied")]
            sweep.calls.append(call)
            if status != 0 or left:
                sweep.faults.append(f"after call {len(sweep.calls)}, {call}: {left}: {output}")

        self.proxy.forget()
        self.proxy.look = look
        self.mmebench(*arguments)
        assert sweep.calls == self.proxy.calls, "nothing went wrong while it was looked at"
        self.proxy.forget()
        return sweep

    @property
    def journals(self) -> list[Path]:
        return self._journals("state")

    def _journals(self, state: str) -> list[Path]:
        return list((self.folder / state).glob("mmebench/journals/*"))


@dataclass
class Sweep:
    """What was found at each call of a command."""

    calls: list[str]
    faults: list[str]
    """Calls after which something was left that clean did not delete."""
    there: int
    """After how many of them there was something to clean."""


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
        (folder / "python").mkdir()
        (folder / "python" / "sitecustomize.py").write_text(IMPATIENT)
        environment = cloud.environment(proxy.url) | {"PYTHONPATH": str(folder / "python")}
        environment |= {"XDG_STATE_HOME": str(folder / "state")}
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
    amazon.proxy.consequences.clear()
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


@pytest.mark.triton
def test_a_real_triton_says_what_its_machine_does(account: Account, tmp_path: Path) -> None:
    """The server_metrics target is served and asked like on AWS; CloudWatch is moto's, and knows nothing."""
    with (
        serving(
            f"s3://{cloud.BUCKET}", tmp_path / "log", "--container", "triton", **cloud.environment(account.moto)
        ) as local,
        sagemaker_runtime(account.moto, local.url) as runtime,
    ):
        before = account.environment["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"]
        account.environment["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = runtime
        try:
            status, output = account.mmebench(
                "run", account.spec(), "--set", "workload.profile.stages.0.duration=14s"
            )
        finally:
            account.environment["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = before
    assert status == 0, output
    (files,) = find_runs(account.folder / "results" / "tiny")
    metrics = read_metrics(files.metrics)
    assert set(metrics["source"]) == {"server_metrics"}
    assert {"cpu_utilization", "memory_utilization"} <= set(metrics["metric"])
    assert "cpu_utilization" in (files.directory / "report.html").read_text(), "though it came after the run"
    assert cloud.everything(account.moto) == []


def test_instance_types_side_by_side(account: Account) -> None:
    """Two of three exist at any time; each has its results, its endpoint is deleted, and the cheaper one wins."""
    types = ["ml.g5.xlarge", "ml.g4dn.xlarge", "ml.g5.2xlarge"]
    prices = {"ml.g5.xlarge": 1.5, "ml.g4dn.xlarge": 0.01, "ml.g5.2xlarge": 2}
    spec = account.spec(instance_type=None, instance_types=types, prices=prices)
    status, output = account.mmebench("run", spec)
    assert status == 0, output
    runs = find_runs(account.folder / "results" / "tiny")
    assert [files.instance_type for files in runs] == sorted(types)
    assert all(read_run(files.run).complete for files in runs)
    assert cloud.everything(account.moto) == []
    assert account.journals == []
    creations = [call for call in account.proxy.calls if call in ("CreateEndpoint", "DeleteEndpoint")]
    up = most = 0
    for call in creations:
        up += 1 if call == "CreateEndpoint" else -1
        most = max(most, up)
    assert most == 2
    assert "onnx on ml.g4dn.xlarge serves" in (runs[0].directory / "report.html").read_text()
    assert "onnx on ml.g4dn.xlarge serves" in output


def test_one_refusal_does_not_keep_others_from_being_measured(account: Account) -> None:
    types = ["ml.g5.xlarge", "ml.g4dn.xlarge"]
    spec = account.spec(instance_type=None, instance_types=types, at_once=1)
    account.proxy.refusals["CreateEndpoint"] = [REFUSAL]
    status, output = account.mmebench("run", spec)
    assert status == 3, output
    assert "a quota of the account is used up" in output
    assert "that was onnx on ml.g5.xlarge" in output
    (files,) = find_runs(account.folder / "results" / "tiny")
    assert files.instance_type == "ml.g4dn.xlarge"
    assert cloud.everything(account.moto) == []
    status, output = account.mmebench("run", spec)
    assert status == 0, "the same call goes on from there"
    assert len(find_runs(account.folder / "results" / "tiny")) == 2


def test_where_all_are_refused_each_is_said(account: Account) -> None:
    types = ["ml.g5.xlarge", "ml.g4dn.xlarge"]
    account.proxy.refusals["CreateEndpoint"] = [REFUSAL, REFUSAL]
    status, output = account.mmebench("run", account.spec(instance_type=None, instance_types=types, at_once=1))
    assert status == 3, output
    assert output.count("a quota of the account is used up") == 2
    assert all(f"that was onnx on {instance_type}" in output for instance_type in types)
    assert cloud.everything(account.moto) == []


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupt_deletes_what_was_created(account: Account, sent: signal.Signals, code: int) -> None:
    spec = account.spec(instance_type=None, instance_types=["ml.g5.xlarge", "ml.g4dn.xlarge"])
    process = account.start("run", spec, "--set", "workload.profile.stages.0.duration=60s")
    deadline = time.monotonic() + 60
    while not list((account.folder / "results").glob("tiny/*.arrows")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert cloud.everything(account.moto) != []
    process.send_signal(sent)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code, output
    assert "Traceback" not in output
    assert cloud.everything(account.moto) == []
    assert account.journals == []


def test_it_succeeded_and_could_not_clean_up(account: Account) -> None:
    denied = ("AccessDeniedException", f"User arn:aws:iam::{cloud.ACCOUNT}:user/x may not sagemaker:DeleteModel")
    account.proxy.refusals["DeleteModel"] = [denied]
    status, output = account.mmebench("run", account.spec())
    assert status == 4, output
    assert "run mmebench clean" in output
    assert cloud.ACCOUNT not in output
    (files,) = find_runs(account.folder / "results" / "tiny")
    assert read_run(files.run).complete
    (left,) = cloud.everything(account.moto)
    assert left.startswith("model mmebench-")
    assert account.mmebench("clean")[0] == 0
    assert cloud.everything(account.moto) == []


def test_credentials_that_expire_on_the_way(account: Account) -> None:
    """From the first deletion on, nothing is allowed any more; new credentials then find it all."""
    expired = ("ExpiredTokenException", "The security token included in the request is expired")
    account.proxy.refusals |= {
        call: [expired] * 9 for call in ("DescribeEndpoint", "DeleteEndpointConfig", "DeleteModel")
    }
    account.proxy.refusals["DescribeEndpoint"].insert(0, None)  # the endpoint still comes up
    status, output = account.mmebench("run", account.spec())
    assert status == 4, output
    assert "the credentials have expired; renew them" in output
    account.proxy.forget()
    assert account.mmebench("clean")[0] == 0
    assert cloud.everything(account.moto) == []


def test_what_could_cost_more_than_its_budget_is_not_started(account: Account) -> None:
    status, output = account.mmebench("run", account.spec(budget=2.0))
    assert status == 2, output
    assert "endpoint.budget: $2.00 is less than the $3.00 that the spec costs" in output
    assert "Traceback" not in output
    assert account.proxy.calls == []


def test_bad_input_is_refused_before_anything_is_made(account: Account) -> None:
    nothing = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(account.folder)}
    kept = account.environment.copy()
    for environment, change, message in (
        (nothing, {}, "no AWS credentials; set AWS_PROFILE"),
        ({}, {"bucket": "nobody-has-this"}, "there is no such bucket"),
        ({}, {"triton": "25.10"}, "known versions of SageMaker's image"),
    ):
        account.environment |= environment
        try:
            status, output = account.mmebench("run", account.spec(**change))
        finally:
            account.environment.clear()
            account.environment |= kept
        assert (status, message in output, "Traceback" in output) == (2, True, False), output
        assert not list((account.folder / "results").rglob("*.tar.gz"))
        assert account.journals == []


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


def test_stopped_and_killed_while_an_engine_is_built_and_served(account: Account) -> None:
    """moto's job does nothing: what trtexec would have left is put there. No container here can load it."""

    def build(job: dict[str, Any]) -> None:
        bucket, _, prefix = job["OutputDataConfig"]["S3OutputPath"].removeprefix("s3://").partition("/")
        engine = account.folder / "engine"
        engine.mkdir(exist_ok=True)
        (engine / "model.plan").write_text("an engine")
        packed = shutil.make_archive(str(account.folder / "built"), "gztar", engine)
        key = f"{prefix}/{job['TrainingJobName']}/output/model.tar.gz"
        cloud.client("s3", account.moto).upload_file(packed, bucket, key)

    model = account.folder / "tiny.tar.gz-folder" / "tiny" / "1" / "model.onnx"
    spec, trt = account.spec(), ("--set", f"model.path={model}", "--set", "platforms.0=trt")
    account.proxy.consequences["CreateTrainingJob"] = build
    status, output = account.mmebench("run", spec, *trt)
    assert (status, "copy 0 cannot be loaded" in output) == (3, True), output
    calls = list(account.proxy.calls)
    assert calls.index("CreateTrainingJob") < calls.index("CreateEndpoint") < calls.index("DeleteEndpoint")
    assert cloud.everything(account.moto) == []
    shutil.rmtree(account.folder / "results")
    sweep = account.sweep("run", spec, *trt)
    assert sweep.faults == []
    assert len(sweep.calls) == len(calls)
    shutil.rmtree(account.folder / "results")
    cloud.reset(account.moto)
    account.proxy.forget(kill_after=calls.index("CreateTrainingJob") + 1)
    assert account.mmebench("run", spec, *trt)[0] == -signal.SIGKILL
    account.proxy.forget()
    status, output = account.clean()
    assert status == 0, output
    assert cloud.everything(account.moto) == []
    assert account.journals == []


def test_stopped_after_each_call_and_cleaned_as_if_it_were_dead(account: Account) -> None:
    sweep = account.sweep("run", account.spec())
    assert {"PUT", "CreateEndpoint", "DeleteEndpoint", "POST"} <= set(sweep.calls)
    assert sweep.faults == []
    assert sweep.there > len(sweep.calls) / 2, "there was something to clean most of the time"
    assert read_run(find_runs(account.folder / "results" / "tiny")[0].run).complete, "and it was not disturbed"
    assert cloud.everything(account.moto) == []


@pytest.mark.parametrize(("journals", "after"), [("kept", (4, 22)), ("lost", range(1, 40, 6))])
def test_killed_and_cleaned(account: Account, journals: str, after: Sequence[int]) -> None:
    """The tool, with two endpoints at once, really dies by SIGKILL; the last time it had all but finished."""
    spec = account.spec(instance_type=None, instance_types=["ml.g5.xlarge", "ml.g4dn.xlarge"])
    there = 0
    for number in after:
        cloud.reset(account.moto)
        shutil.rmtree(account.folder / "results", ignore_errors=True)
        account.proxy.forget(kill_after=number)
        status, output = account.mmebench("run", spec)
        calls = list(account.proxy.calls)
        account.proxy.forget()
        assert status == -signal.SIGKILL, f"after {calls[-1]}: {output}"
        there += bool(cloud.everything(account.moto))
        if journals == "lost":
            shutil.rmtree(account.folder / "state", ignore_errors=True)  # before its first call there is none
        status, output = account.clean(*([] if journals == "kept" else [spec]))
        assert status == 0, output
        assert cloud.everything(account.moto) == [], f"killed after call {number}, {calls[number - 1]}: {output}"
        assert account.journals == []
    assert there > len(after) / 2, "there was something to clean most of the time"
    assert "DeleteEndpoint" in calls
