"""The jobs that build: requests to the letter, their course over moto and Stubber. Nothing here has a GPU."""

import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from mmebench.endpoints.sagemaker import build_job as jobs
from mmebench.endpoints.sagemaker import journal
from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.endpoints.sagemaker.build_job import (
    JobBuilder,
    processing_request,
    processing_script,
    run_job,
    script,
    training_request,
    training_script,
)
from mmebench.endpoints.sagemaker.compile_job import CompileJob
from mmebench.endpoints.sagemaker.engine_job import EngineJob
from mmebench.errors import BadInputError, MmebenchError
from mmebench.spec import SageMakerEndpoint as Spec
from support import cloud

SPEC = Spec.model_validate(cloud.ENDPOINT)
PROCESSING = SPEC.model_copy(update={"engine_builder": "processing"})
RUN = "mmebench-20991231t235959z-1a2b3c4d"
URL = f"s3://models/mmebench/{RUN}/"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:25.09-py3"
OPTIONS = ("--fp16", "--maxShapes=input:8x3x224x224")
COMPILER = "210987654321.dkr.ecr.us-east-1.amazonaws.com/pytorch:26.05-py3"
COMPILING = SPEC.model_copy(update={"compiler_image": COMPILER, "triton": "26.05"})


def test_the_training_job() -> None:
    assert training_request(SPEC, IMAGE, RUN, URL, {"tool": "mmebench"}) == {
        "TrainingJobName": RUN,
        "RoleArn": cloud.ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/bash", "/opt/ml/input/data/model/build.sh"],
        },
        "InputDataConfig": [
            {
                "ChannelName": "model",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"{URL}model/",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
                "InputMode": "File",
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"{URL}built"},
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Tags": [{"Key": "tool", "Value": "mmebench"}],
    }


def test_the_processing_job() -> None:
    assert processing_request(PROCESSING, IMAGE, RUN, URL, {"tool": "mmebench"}) == {
        "ProcessingJobName": RUN,
        "RoleArn": cloud.ROLE,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["/bin/bash", "/opt/ml/processing/input/build.sh"],
        },
        "ProcessingInputs": [
            {
                "InputName": "model",
                "S3Input": {
                    "S3Uri": f"{URL}model/",
                    "LocalPath": "/opt/ml/processing/input",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "built",
                    "S3Output": {
                        "S3Uri": f"{URL}built",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 50}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Tags": [{"Key": "tool", "Value": "mmebench"}],
    }


def test_the_scripts() -> None:
    trtexec = EngineJob(SPEC).program(OPTIONS)
    assert training_script(trtexec) == (
        "set -o pipefail\n"
        "source=/opt/ml/input/data/model target=/opt/ml/model\n"
        "mkdir -p $target\n"
        'if ! "$(command -v trtexec || echo /usr/src/tensorrt/bin/trtexec)" --onnx=$source/model.onnx '
        "--saveEngine=$target/model.plan --exportLayerInfo=$target/layers.json "
        "--fp16 --maxShapes=input:8x3x224x224 2>&1 | tee $target/trtexec.log; then\n"
        "  tail -c 1000 $target/trtexec.log > /opt/ml/output/failure\n"
        "  exit 1\n"
        "fi\n"
    )
    processing = processing_script(trtexec)
    assert "source=/opt/ml/processing/input target=/tmp/built\n" in processing
    assert processing.endswith("fi\ntar -czf /opt/ml/processing/output/model.tar.gz -C $target .\n")
    compiler = CompileJob(COMPILING).program(("--serving", "2.12"))
    assert "python3 -u $source/compiler.py $source $target --device cuda --serving 2.12 2>&1 |" in training_script(
        compiler
    )
    assert (trtexec.image, compiler.image) == (IMAGE, COMPILER)


def test_no_image_to_compile_in() -> None:
    with pytest.raises(
        BadInputError, match=r"compiler_image: got none; .*the PyTorch of Triton 26\.05, 2\.12, or an"
    ):
        CompileJob(COMPILING.model_copy(update={"compiler_image": None}))


def test_a_key_of_ones_own_encrypts_what_jobs_write() -> None:
    spec = SPEC.model_copy(update={"kms_key": "alias/mine"})
    assert training_request(spec, IMAGE, RUN, URL, {})["OutputDataConfig"]["KmsKeyId"] == "alias/mine"
    assert processing_request(spec, IMAGE, RUN, URL, {})["ProcessingOutputConfig"]["KmsKeyId"] == "alias/mine"


@pytest.mark.parametrize(("body", "status"), [("echo built; exit 0", 0), ("echo no memory; exit 7", 1)])
def test_bash_runs_the_script(tmp_path: Path, body: str, status: int) -> None:
    program = tmp_path / "trtexec"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    trtexec = EngineJob(SPEC).program(OPTIONS)
    written = script(trtexec, str(tmp_path / "in"), str(tmp_path / "out"), str(tmp_path / "failure"))
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        ["/bin/bash", "-c", written], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    said = body.split(";")[0].removeprefix("echo ")
    assert (tmp_path / "out" / "trtexec.log").read_text().strip() == said
    if status:
        assert (tmp_path / "failure").read_text().strip() == said


@pytest.mark.parametrize(("spec", "of", "said"), [(SPEC, EngineJob, "trtexec"), (PROCESSING, EngineJob, "trtexec"),
    (COMPILING, CompileJob, "compiler")])  # fmt: skip
def test_what_is_built_comes_home_and_nothing_is_left(
    account: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spec: Spec,
    of: Callable[[Spec], JobBuilder],
    said: str,
) -> None:
    """moto's jobs are over at once and do nothing: what the job would have left is put there before."""
    monkeypatch.setattr(jobs, "run_name", lambda _: RUN)
    where = "built" if spec is PROCESSING else f"built/{RUN}/output"
    cloud.client("s3", account).put_object(
        Bucket=cloud.BUCKET, Key=f"mmebench/{RUN}/{where}/model.tar.gz", Body=result(**{"model.plan": b"engine"})
    )
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.onnx").write_bytes(b"onnx")
    (tmp_path / "model" / "model.onnx.data").write_bytes(b"weights")
    (tmp_path / "built").mkdir()
    told: list[str] = []
    of(spec).build(tmp_path / "model", OPTIONS, tmp_path / "built", told.append)
    assert (tmp_path / "built" / "model.plan").read_bytes() == b"engine"
    assert told == [f"upload the model for {said}"]
    assert cloud.everything(account) == []
    assert not list(journal.directory().iterdir())
    sagemaker = cloud.client("sagemaker", account)
    kind = "processing" if spec is PROCESSING else "training"
    found = getattr(sagemaker, f"list_{kind}_jobs")()[f"{kind.title()}JobSummaries"]
    assert [job[f"{kind.title()}JobName"] for job in found] == [RUN]


def result(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def job(status: str, **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": RUN,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:{cloud.ACCOUNT}:training-job/{RUN}",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/k"},
        "TrainingJobStatus": status,
        "SecondaryStatus": "Training",
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
        "StoppingCondition": {},
        "CreationTime": 0,
    } | more


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("AlgorithmError: , exit code: 1, trtexec: Error Code 2: OutOfMemory", "Error Code 2: OutOfMemory"),
        ("CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML "
         "instance type.", "no such instance free"),
    ],
)  # fmt: skip
def test_a_job_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, reason: str, told: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(jobs, "_POLL_SECONDS", 0.01)
    aws, progress = Aws("us-east-1"), list[str]()
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("create_training_job", {"TrainingJobArn": job("")["TrainingJobArn"]})
        stub.add_response("describe_training_job", job("InProgress"))
        stub.add_response("describe_training_job", job("Failed", FailureReason=reason))
        with pytest.raises(MmebenchError) as caught:
            run_job(aws, SPEC, EngineJob(SPEC).program(OPTIONS), RUN, URL, {}, progress.append)
    assert told in str(caught.value)
    assert f"training job {RUN} is Failed" in str(caught.value)
    assert len(progress) == 1
