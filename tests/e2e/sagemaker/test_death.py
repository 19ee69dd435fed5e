"""``mmebench run`` dies, and ``mmebench clean`` deletes what it left."""

import shutil
import signal
from collections.abc import Sequence
from typing import Any

import pytest

from mmebench.record.layout import find_runs
from mmebench.record.run import read_run
from support import cloud
from support.account import Account

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("fleet", [False, True])
def test_stopped_after_each_call_and_cleaned_as_if_it_were_dead(fleet: bool, account: Account) -> None:
    sweep = account.sweep("run", account.fleet() if fleet else account.spec())
    assert {"PUT", "CreateEndpoint", "DeleteEndpoint", "POST"} <= set(sweep.calls)
    assert sweep.faults == []
    assert sweep.there > len(sweep.calls) / 2, "there was something to clean most of the time"
    results = account.folder / "results" / ("fleet" if fleet else "tiny")
    assert read_run(find_runs(results)[0].run).complete, "and it was not disturbed"
    assert cloud.everything(account.moto) == []


@pytest.mark.parametrize(
    ("endpoint", "calls"),
    [
        (
            {
                "hosting": "components",
                "instance_type": "ml.g5.12xlarge",
                "component": {"memory_per_copy": "2GiB"},
                "prices": {"ml.g5.12xlarge": 7.0},
            },
            {"CreateInferenceComponent", "DeleteInferenceComponent"},
        ),
        ({"hosting": "single", "most_endpoints": 2}, {"CreateEndpoint", "DeleteEndpoint"}),
        (
            {"autoscaling": {"max": 2, "invocations_per_instance": 60}},
            {"RegisterScalableTarget", "PutScalingPolicy", "DeregisterScalableTarget"},
        ),
    ],
    ids=["components", "single", "autoscaled"],
)
def test_hosted_another_way_nothing_is_left_either(
    endpoint: dict[str, Any], calls: set[str], account: Account
) -> None:
    sweep = account.sweep("run", account.spec(**endpoint))
    assert calls <= set(sweep.calls)
    assert sweep.faults == []
    assert sweep.there > len(sweep.calls) / 2
    (files,) = find_runs(account.folder / "results" / "tiny")
    run = read_run(files.run)
    assert run.complete
    assert run.capacity is not None
    assert run.capacity.fits == files.targets == 2
    assert cloud.everything(account.moto) == []


def test_while_instances_are_replaced_nothing_is_left_either(account: Account) -> None:
    stage = "{users: 1, duration: 8s, warmup: 1s}"
    restart = f"experiments=[{{kind: restart, at: 1s, stage: {stage}}}]"
    sweep = account.sweep("run", account.spec(blue_green=True), "--set", restart)
    assert sweep.calls.count("CreateEndpointConfig") == 2
    assert "UpdateEndpoint" in sweep.calls
    assert sweep.faults == []
    (files,) = find_runs(account.folder / "results" / "tiny")
    assert read_run(files.run).complete
    assert files.experiment("restart").table.exists()
    assert cloud.everything(account.moto) == []


@pytest.mark.parametrize(("journals", "after"), [("kept", (6, 23)), ("lost", range(1, 40, 6))])
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
