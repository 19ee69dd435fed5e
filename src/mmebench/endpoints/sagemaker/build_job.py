"""A job that builds for an endpoint, on its instance type: the program it runs, and its course from S3 to S3."""

import shlex
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from typing_extensions import override

from mmebench.endpoints.endpoint import CleanUpError
from mmebench.endpoints.engine_builder import Builder
from mmebench.endpoints.sagemaker import journal as journals
from mmebench.endpoints.sagemaker.aws import Aws, ask_again, aws_error, calling
from mmebench.endpoints.sagemaker.bucket import RunObjects, check_bucket
from mmebench.endpoints.sagemaker.deletion import delete
from mmebench.endpoints.sagemaker.names import Kind, Resource, run_name, tag_list, tags
from mmebench.endpoints.sagemaker.owner import this_process
from mmebench.endpoints.sagemaker.prices import BUILD_SECONDS
from mmebench.errors import MmebenchError
from mmebench.formats.archive import extract
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint
from mmebench.units import human_seconds

_VOLUME_GB = 50
_POLL_SECONDS = 15.0
_LIMIT = 64 * 1024**3
_RESULT = "model.tar.gz"
_SCRIPT = "build.sh"
"""Travels with the model: the API takes arguments of up to 256 characters only, and shapes can be longer."""
_TRAINING = ("/opt/ml/input/data/model", "/opt/ml/model", "/opt/ml/output/failure")
_PROCESSING = ("/opt/ml/processing/input", "/opt/ml/processing/output", "/opt/ml/output/message")
"""Where a container of each kind of job finds its input, leaves its output, and says why it failed."""

Progress = Callable[[str], None]


class Program(NamedTuple):
    """What a job runs, and tells of."""

    name: str
    """``trtexec``; its log is called so."""
    image: str
    """URI of the image that has it."""
    command: str
    """For bash, in which ``$source`` is the folder of the model and ``$target`` that of what is made."""


class JobBuilder(Builder, ABC):
    """A builder that is a training or processing job."""

    def __init__(self, spec: SageMakerEndpoint, image: str) -> None:
        """``spec`` is of one instance type, and its ``engine_builder`` is not ``local``."""
        self._spec = spec
        self._image = image
        self.made_with = f"{spec.instance_type}, {image.rpartition('/')[2]}"

    @abstractmethod
    def program(self, options: Sequence[str]) -> Program:
        """What the job runs with these options."""

    @override
    def build(self, model: Path, options: Sequence[str], folder: Path, progress: Progress) -> None:
        """Run the job and bring home what it made; nothing of it is left on AWS but its record and its log.

        Raises:
            AwsError: AWS refused the job. MmebenchError: the program failed; the message has its last words.
            CleanUpError: what it made is there, and something of the job could not be deleted.
        """
        program = self.program(options)
        spec, aws = self._spec, Aws(self._spec.region, self._spec.profile)
        check_bucket(aws, spec)
        run = run_name(datetime.now(UTC) + timedelta(seconds=2 * BUILD_SECONDS))
        labels = tags(run, this_process())
        objects = RunObjects(aws, spec, run, labels)
        journal = journals.begin(run, spec.role_account)
        failure: BaseException | None = None
        try:
            journal.enter(Resource("objects", objects.url, spec.region))
            progress(f"upload the model for {program.name}")
            kind: Kind = "training-job" if spec.engine_builder == "training" else "processing-job"
            written = folder / _SCRIPT
            written.write_text(training_script(program) if kind == "training-job" else processing_script(program))
            for file in (*sorted(model.iterdir()), written):
                objects.upload(file, f"model/{file.name}")
            journal.enter(Resource(kind, run, spec.region))
            run_job(aws, spec, program, run, objects.url, labels, progress)
            where = f"built/{run}/output/{_RESULT}" if kind == "training-job" else f"built/{_RESULT}"
            objects.download(where, folder / _RESULT)
            extract(folder / _RESULT, folder / "unpacked", _LIMIT)
            for file in (folder / "unpacked").iterdir():
                file.rename(folder / file.name)
        except BaseException as error:
            failure = error
            raise
        finally:
            _clean_up(aws, journal, run, failure)


def _clean_up(aws: Aws, journal: journals.Journal, run: str, failure: BaseException | None) -> None:
    left = delete(journal.resources, lambda region: aws)
    if not left:
        journal.remove()
        return
    journal.close()
    told = f"not everything of {run} could be deleted; run mmebench clean: {'; '.join(left.values())}"
    if failure is None:
        raise CleanUpError(told)
    failure.add_note(told)


def run_job(
    aws: Aws,
    spec: SageMakerEndpoint,
    program: Program,
    name: str,
    url: str,
    tags: dict[str, str],
    progress: Progress,
) -> None:
    """Create the job over what is below ``url`` in S3, and wait for its end.

    Raises:
        AwsError: AWS refused it. MmebenchError: it failed.
    """
    client = aws.sagemaker
    if spec.engine_builder == "training":
        with calling(f"create training job {name} on {spec.instance_type}"):
            client.create_training_job(**training_request(spec, program.image, name, url, tags))
    else:
        with calling(f"create processing job {name} on {spec.instance_type}"):
            client.create_processing_job(**processing_request(spec, program.image, name, url, tags))
    started = time.monotonic()
    while True:
        status, reason = ask_again(lambda: _look(client, spec.engine_builder, name), BUILD_SECONDS)
        if status == "Completed":
            return
        if status != "InProgress":
            raise MmebenchError(str(aws_error(f"{spec.engine_builder} job {name} is {status}", "", reason)))
        progress(f"{program.name} job {status}, {human_seconds(time.monotonic() - started)}")
        time.sleep(_POLL_SECONDS)


def _look(client: Any, builder: str, name: str) -> tuple[str, str]:
    with calling(f"describe {builder} job {name}"):
        if builder == "training":
            found = client.describe_training_job(TrainingJobName=name)
            return found["TrainingJobStatus"], found.get("FailureReason", "no reason given")
        found = client.describe_processing_job(ProcessingJobName=name)
        reason = found.get("ExitMessage") or found.get("FailureReason", "no reason given")
        return found["ProcessingJobStatus"], reason


def training_request(
    spec: SageMakerEndpoint, image: str, name: str, url: str, tags: dict[str, str]
) -> dict[str, Any]:
    """Arguments of ``create_training_job``; SageMaker packs what the container leaves as ``model.tar.gz``."""
    source = {"S3DataType": "S3Prefix", "S3Uri": f"{url}model/", "S3DataDistributionType": "FullyReplicated"}
    return {
        "TrainingJobName": name,
        "RoleArn": spec.role,
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/bash", f"{_TRAINING[0]}/{_SCRIPT}"],
        },
        "InputDataConfig": [{"ChannelName": "model", "DataSource": {"S3DataSource": source}, "InputMode": "File"}],
        "OutputDataConfig": {"S3OutputPath": f"{url}built"} | _key(spec),
        "ResourceConfig": {
            "InstanceType": spec.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": _VOLUME_GB,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": BUILD_SECONDS},
        "Tags": tag_list(tags),
    }


def processing_request(
    spec: SageMakerEndpoint, image: str, name: str, url: str, tags: dict[str, str]
) -> dict[str, Any]:
    """Arguments of ``create_processing_job``; the container packs ``model.tar.gz`` itself."""
    source, target, _ = _PROCESSING
    return {
        "ProcessingJobName": name,
        "RoleArn": spec.role,
        "AppSpecification": {
            "ImageUri": image,
            "ContainerEntrypoint": ["/bin/bash", f"{source}/{_SCRIPT}"],
        },
        "ProcessingInputs": [
            {
                "InputName": "model",
                "S3Input": {
                    "S3Uri": f"{url}model/",
                    "LocalPath": source,
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "built",
                    "S3Output": {"S3Uri": f"{url}built", "LocalPath": target, "S3UploadMode": "EndOfJob"},
                }
            ]
        }
        | _key(spec),
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": spec.instance_type,
                "VolumeSizeInGB": _VOLUME_GB,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": BUILD_SECONDS},
        "Tags": tag_list(tags),
    }


def training_script(program: Program) -> str:
    """What bash runs in a training job."""
    return script(program, *_TRAINING)


def processing_script(program: Program) -> str:
    """What bash runs in a processing job."""
    source, target, failure = _PROCESSING
    packing = f"tar -czf {target}/{_RESULT} -C $target .\n"
    return script(program, source, "/tmp/built", failure) + packing


def script(program: Program, source: str, target: str, failure: str) -> str:
    """The program, its log beside what it made, its last words as the reason of a failure."""
    log = f"$target/{program.name}.log"
    return (
        "set -o pipefail\n"
        f"source={shlex.quote(source)} target={shlex.quote(target)}\n"
        "mkdir -p $target\n"
        f"if ! {program.command} 2>&1 | tee {log}; then\n"
        f"  tail -c 1000 {log} > {shlex.quote(failure)}\n"
        "  exit 1\n"
        "fi\n"
    )


def _key(spec: SageMakerEndpoint) -> dict[str, str]:
    return {"KmsKeyId": spec.kms_key} if spec.kms_key else {}
