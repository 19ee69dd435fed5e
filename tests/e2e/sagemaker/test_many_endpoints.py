"""``mmebench run`` with an endpoint for each of several instance types."""

import signal
import time

import pytest

from mmebench.record.layout import find_runs
from mmebench.record.run import read_run
from support import cloud
from support.account import Account

pytestmark = pytest.mark.e2e

REFUSAL = (
    "ResourceLimitExceeded",
    "The account-level service limit 'ml.g5.xlarge for endpoint usage' is 0 Instances",
)


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
    command = account.start("run", spec, "--set", "workload.profile.stages.0.duration=60s")
    deadline = time.monotonic() + 60
    while not list((account.folder / "results").glob("tiny/*.arrows")):
        assert command.status is None, command.finish()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert cloud.everything(account.moto) != []
    command.send_signal(sent)
    done = command.finish()
    assert done.returncode == code, done
    assert "Traceback" not in done.stdout + done.stderr
    assert cloud.everything(account.moto) == []
    assert account.journals == []
