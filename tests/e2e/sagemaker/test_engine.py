"""A TensorRT engine that is built on SageMaker for ``mmebench run``."""

import shutil
import signal
from typing import Any

import pytest

from support import cloud
from support.account import Account

pytestmark = pytest.mark.e2e


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
