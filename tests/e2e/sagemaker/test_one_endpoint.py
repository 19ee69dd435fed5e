"""``mmebench run`` with one endpoint on SageMaker."""

import time
from pathlib import Path

import pandas as pd
import pytest

from mmebench.record.layout import find_runs
from mmebench.record.metrics import read_metrics
from mmebench.record.run import read_run
from support import cloud
from support.account import Account
from support.sagemaker_runtime import sagemaker_runtime
from support.scaled_endpoint import scaled_by_requests
from support.serving import serving

pytestmark = pytest.mark.e2e


def test_a_run_from_an_empty_account_to_a_clean_one(account: Account) -> None:
    """No secret and no account is written anywhere."""
    account.environment["AWS_SESSION_TOKEN"] = "the-token-of-this-session"
    started = time.monotonic()
    try:
        status, output = account.mmebench("run", account.spec())
    finally:
        del account.environment["AWS_SESSION_TOKEN"]
    took = time.monotonic() - started
    assert status == 0, output
    written = [path for path in (account.folder / "results").rglob("*") if path.is_file()]
    assert len(written) > 10
    for secret in (cloud.ACCOUNT, "AWS_SECRET", "the-token-of-this-session", "testing"):
        assert secret not in output
        for path in written:
            assert secret.encode() not in path.read_bytes(), path
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
    assert 1 < run.endpoint_seconds < took
    (row,) = pd.read_csv(files.directory / "summary_results.csv").to_dict("records")
    assert row["usd_per_target_hour"] == 0.75
    assert row["usd_per_million_inferences"] == pytest.approx(1.5e6 / 3600 / row["Requests/s"], rel=1e-4)
    assert row["usd_of_run"] == pytest.approx(1.5 * run.endpoint_seconds / 3600, rel=1e-4)
    status, output = account.mmebench("run", account.spec())
    assert (status, "measured already" in output) == (0, True), output


def test_a_fleet_on_one_endpoint(account: Account) -> None:
    """Each archive is uploaded once, the targets are copies that S3 makes; each kind has its share of the cost."""
    status, output = account.mmebench("run", account.fleet())
    assert status == 0, output
    assert cloud.everything(account.moto) == []
    assert account.journals == []
    (files,) = find_runs(account.folder / "results" / "fleet")
    run = read_run(files.run)
    assert [(kind.name, kind.targets) for kind in run.kinds] == [
        ("one", ("one.tar.gz",)),
        ("two", ("two-v0.tar.gz", "two-v1.tar.gz")),
    ]
    (whole,) = pd.read_csv(files.directory / "summary_results.csv").to_dict("records")
    kinds = pd.read_csv(files.directory / "summary_by_model.csv")
    assert kinds["model"].tolist() == ["one", "two"]
    together = (kinds["usd_per_million_inferences"] * kinds["Successful Requests"]).sum()
    assert together / whole["Successful Requests"] == pytest.approx(whole["usd_per_million_inferences"], rel=1e-3)


@pytest.mark.slow
def test_a_step_of_the_load_brings_an_instance(account: Account) -> None:
    """Application Auto Scaling is played: it sees the requests, and an instance is there twelve seconds later."""
    before, after = "{rate: 2, duration: 8s, warmup: 1s}", "{rate: 14, duration: 44s, warmup: 0s}"
    step = f"experiments=[{{kind: scale_out, before: {before}, after: {after}}}]"
    # More than the second of the run's own load makes of six.
    spec = account.spec(autoscaling={"max": 2, "invocations_per_instance": 420})
    with scaled_by_requests(account.served):
        status, output = account.mmebench("run", spec, "--set", step)
    assert status == 0, output
    assert cloud.everything(account.moto) == []
    (files,) = find_runs(account.folder / "results" / "tiny")
    changes = pd.read_csv(files.experiment("scale_out").loads / "changes.csv")
    assert changes["what"].tolist() == ["alarm", "added"]
    alarm, added = changes["at"]
    assert 8 < alarm < added < 52
    assert "after a step of the load, the alarm after" in output
    assert "2 instances serve after" in output
    assert "p99 as before" in output
    assert "$0.0" in output, "what two instances cost for some seconds"
    assert files.experiment("scale_out").table.exists()


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
    assert "CPU busy" in (files.directory / "report.html").read_text(), "though it came after the run"
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
