"""A TensorRT engine and code of AOTInductor that are built on SageMaker for ``mmebench run``."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import cloud
from support.account import Account
from support.tiny_models import aoti_label, file_model

pytestmark = pytest.mark.e2e

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch:26.06-py3"
SAID = {
    "torch": "2.13.0",
    "cuda": "13.3",
    "gpu": "A10G",
    "max_absolute": 0.0,
    "max_relative": 0.0,
    "shapes": [[1]],
}


def fleet_of_both(account: Account) -> Path:
    """A spec of two models: an engine is built of one, and the other is compiled."""
    spec = yaml.safe_load(account.spec(triton="26.06", compiler_image=IMAGE).read_text(encoding="utf-8"))
    del spec["platforms"], spec["targets"], spec["model"]
    onnx = account.folder / "tiny.tar.gz-folder" / "tiny" / "1" / "model.onnx"
    named = {"source": "timm", "name": "test_resnet", "weights": "random"}
    spec["models"] = {
        "engine": {"model": file_model(onnx), "platform": "trt", "targets": 1},
        "code": {"model": named, "platform": "pt2", "targets": 1},
    }
    path = account.folder / "both.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


def forget_what_was_built(account: Account) -> None:
    """What it was built from stays: exporting takes most of the time."""
    packages = account.folder / "results" / ".packages"
    built = [path for kind in ("trt", "pt2") for path in packages.rglob(f"*-{kind}-*")]
    assert {path.suffix for path in built} == {".gz", ".json"}
    for path in built:
        path.unlink()


def test_stopped_and_killed_while_something_is_built_and_served(account: Account) -> None:
    """moto's jobs do nothing: what they would have left is put there. No container here can load it."""

    def build(job: dict[str, Any]) -> None:
        bucket, _, prefix = job["OutputDataConfig"]["S3OutputPath"].removeprefix("s3://").partition("/")
        built = account.folder / "built"
        shutil.rmtree(built, ignore_errors=True)
        built.mkdir()
        if job["AlgorithmSpecification"]["TrainingImage"] == IMAGE:
            (built / "model.pt2").write_bytes(aoti_label("cuda", capability="86"))
            (built / "compiled.json").write_text(json.dumps(SAID))
        else:
            (built / "model.plan").write_text("an engine")
        packed = shutil.make_archive(str(account.folder / "built"), "gztar", built)
        key = f"{prefix}/{job['TrainingJobName']}/output/model.tar.gz"
        cloud.client("s3", account.moto).upload_file(packed, bucket, key)

    spec = fleet_of_both(account)
    account.proxy.consequences["CreateTrainingJob"] = build
    status, output = account.mmebench("run", spec)
    assert (status, "cannot be loaded" in output) == (3, True), output
    calls = list(account.proxy.calls)
    jobs = [number for number, call in enumerate(calls) if call == "CreateTrainingJob"]
    assert len(jobs) == 2
    assert jobs[-1] < calls.index("CreateEndpoint") < calls.index("DeleteEndpoint")
    assert cloud.everything(account.moto) == []
    forget_what_was_built(account)
    sweep = account.sweep("run", spec)
    assert sweep.faults == []
    assert len(sweep.calls) == len(calls)
    forget_what_was_built(account)
    cloud.reset(account.moto)
    account.proxy.forget(kill_after=jobs[-1] + 1)
    assert account.mmebench("run", spec)[0] == -signal.SIGKILL
    account.proxy.forget()
    status, output = account.clean()
    assert status == 0, output
    assert cloud.everything(account.moto) == []
    assert account.journals == []
