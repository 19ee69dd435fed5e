"""What AWS says, and what a person is told. moto says none of this, so botocore's Stubber does."""

from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from mmebench.endpoints.endpoint import NoRoomError
from mmebench.endpoints.sagemaker.aws import Aws, AwsError, calling
from mmebench.endpoints.sagemaker.deletion import delete
from mmebench.endpoints.sagemaker.deployment import CreationError, Deployment
from mmebench.endpoints.sagemaker.journal import Journal, begin
from mmebench.endpoints.sagemaker.names import Resource
from mmebench.endpoints.sagemaker.requests import config_request, model_request
from mmebench.errors import BadInputError
from mmebench.spec import SageMakerEndpoint as Spec
from mmebench.wire.runtime import InvocationError
from support import cloud

SPEC = Spec.model_validate(cloud.ENDPOINT)
RUN = "mmebench-20260102t030405z-1a2b3c4d"
ARN = f"arn:aws:sagemaker:us-east-1:{cloud.ACCOUNT}:endpoint/{RUN}"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Aws:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for module in ("deployment._POLL_SECONDS", "deployment._SETTLE_SECONDS", "deletion._POLL_SECONDS"):
        monkeypatch.setattr(f"mmebench.endpoints.sagemaker.{module}", 0.01)
    return Aws("us-east-1")


def deployment(aws: Aws, progress: list[str], journal: Journal | None = None, timeout: float = 60) -> Deployment:
    spec = SPEC.model_copy(update={"creation_timeout": timeout})
    return Deployment(aws, spec, RUN, {}, cast(Journal, journal), progress.append)


def described(status: str, **more: str) -> dict[str, Any]:
    return {
        "EndpointName": RUN,
        "EndpointArn": ARN,
        "EndpointConfigName": RUN,
        "EndpointStatus": status,
        "CreationTime": 0,
        "LastModifiedTime": 0,
    } | more


@pytest.mark.parametrize(
    ("code", "text", "told"),
    [
        ("ThrottlingException", "Rate exceeded", "wait a minute"),
        ("ExpiredTokenException", "The security token included in the request is expired", "renew them"),
        ("ExpiredToken", "The provided token has expired.", "run mmebench clean"),
        ("AccessDeniedException", f"User {ARN} is not authorized", "mmebench iam-policy prints"),
        ("UnrecognizedClientException", "The security token is invalid", "aws configure"),
        ("ResourceLimitExceeded", "The service limit 'ml.g5.xlarge for endpoint usage' is 0 Instances",
         "Service Quotas console"),
        ("ValidationException", "MultiModel mode is not supported for instance type ml.g6.48xlarge",
         "refuses this instance type"),
        ("ValidationException", "Your Ecr Image x does not contain required "
         "com.amazonaws.sagemaker.capabilities.multi-models=true Docker label(s)", "lacks the label"),
        ("ValidationException", "repository x does not grant ecr:BatchGetImage to sagemaker.amazonaws.com",
         "closed to SageMaker"),
        ("403", "Forbidden", "may not do this"),
        ("404", "Not Found", "no such bucket"),
        ("PermanentRedirect", "must be addressed using the specified endpoint", "in another region"),
        ("SomethingNew", "words of AWS", "SomethingNew: words of AWS"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do_and_names_no_account(code: str, text: str, told: str) -> None:
    with pytest.raises(AwsError, match="create endpoint x: ") as caught, calling("create endpoint x"):
        raise ClientError({"Error": {"Code": code, "Message": text}}, "CreateEndpoint")
    assert told in str(caught.value)
    assert cloud.ACCOUNT not in str(caught.value)
    assert caught.value.exit_code == 3


def test_no_credentials() -> None:
    with pytest.raises(BadInputError, match="no AWS credentials; set AWS_PROFILE") as caught, calling("x"):
        raise NoCredentialsError
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
         "Please retry using a different ML instance type or after some time.", "no such instance free"),
        ("CannotStartContainerError. Please ensure the model container for variant AllTraffic starts correctly "
         "when invoked with 'docker run <image> serve'", "set endpoint.ami to a newer host image"),
        ("The primary container for production variant AllTraffic did not pass the ping health check. Please "
         "check CloudWatch logs", "raise endpoint.startup_timeout"),
        ("Something else", "Something else"),
    ],
)  # fmt: skip
def test_a_failed_endpoint_says_why(aws: Aws, reason: str, told: str) -> None:
    progress: list[str] = []
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("describe_endpoint", described("Creating"))
        stub.add_response("describe_endpoint", described("Creating"))
        stub.add_response("describe_endpoint", described("Failed", FailureReason=reason))
        with pytest.raises(CreationError) as caught:
            deployment(aws, progress).wait_for_endpoint(RUN)
    assert told in str(caught.value)
    assert reason in str(caught.value)
    assert [line.partition(",")[0] for line in progress] == ["Creating", "Creating"]


def test_an_endpoint_that_takes_too_long(aws: Aws) -> None:
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("describe_endpoint", described("Creating"))
        stub.add_response("describe_endpoint", described("Creating"))
        with pytest.raises(CreationError, match=r"is Creating after .* raise endpoint\.creation_timeout"):
            deployment(aws, [], timeout=0.001).wait_for_endpoint(RUN)


def test_each_is_in_the_journal_before_it_is_created(aws: Aws) -> None:
    """The quota refuses the endpoint; what was made before, and the endpoint itself, are known."""
    journal = begin(RUN, cloud.ACCOUNT)
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("create_model", {"ModelArn": ARN})
        stub.add_response("create_endpoint_config", {"EndpointConfigArn": ARN})
        stub.add_client_error("create_endpoint", "ValidationException", "Could not find endpoint configuration")
        stub.add_client_error(
            "create_endpoint", "ResourceLimitExceeded", "limit 'ml.g5.xlarge for endpoint usage'"
        )
        creating = deployment(aws, [], journal)
        creating.create_model(model_request(SPEC, RUN, "s3://models/x/", {}))
        creating.create_config(config_request(SPEC, RUN, {}))
        with pytest.raises(NoRoomError, match="a quota of the account is used up"):
            creating.create_endpoint(RUN)
        stub.assert_no_pending_responses()
    assert [resource.kind for resource in journal.resources] == ["model", "endpoint-config", "endpoint"]
    assert len(journal.path.read_text().splitlines()) == 4, "and the account"
    journal.remove()


def test_deletion_waits_for_an_endpoint_that_is_still_being_created(aws: Aws) -> None:
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("describe_endpoint", described("Creating"))
        stub.add_client_error(
            "delete_endpoint", "ValidationException", f"Cannot update in-progress endpoint {ARN}"
        )
        stub.add_response("describe_endpoint", described("InService"))
        stub.add_response("delete_endpoint", {})
        stub.add_response("describe_endpoint", described("Deleting"))
        stub.add_client_error("describe_endpoint", "ValidationException", f'Could not find endpoint "{ARN}".')
        assert delete([Resource("endpoint", RUN, "us-east-1")], lambda _: aws) == {}
        stub.assert_no_pending_responses()


def test_deletion_goes_on_past_what_it_cannot_delete(aws: Aws) -> None:
    resources = [Resource("model", RUN, "us-east-1"), Resource("endpoint", RUN, "us-east-1")]
    resources.append(Resource("endpoint-config", RUN, "us-east-1"))
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("describe_endpoint", "ExpiredTokenException", "expired")
        stub.add_response("delete_endpoint_config", {})
        stub.add_client_error("delete_model", "ValidationException", "Could not find model")
        left = delete(resources, lambda _: aws)
        stub.assert_no_pending_responses()
    assert [resource.kind for resource in left] == ["endpoint"]
    assert "renew them" in next(iter(left.values()))


@pytest.mark.parametrize(
    ("status", "text", "exhausted"),
    [
        (507, "", True),
        (400, "unable to create TensorRT context", True),
        (400, "CUDA out of memory. Tried to allocate", True),
        (400, "CUBLAS_STATUS_ALLOC_FAILED", True),
        (400, "unexpected shape for input 'x'", False),
    ],
)
def test_exhausted_memory_by_status_or_words(status: int, text: str, exhausted: bool) -> None:
    assert InvocationError(f"m: ModelError: {text}", "ModelError", status).memory_exhausted is exhausted


def test_boto3_asks_again_when_it_is_throttled_and_only_outside_the_load(aws: Aws) -> None:
    assert aws.sagemaker.meta.config.retries["total_max_attempts"] == 6


def test_a_job_under_way_is_stopped_and_waited_for_and_one_that_is_over_is_left(aws: Aws) -> None:
    def job(status: str) -> dict[str, Any]:
        return {
            "ProcessingJobName": RUN,
            "ProcessingJobArn": ARN,
            "ProcessingJobStatus": status,
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.g5.xlarge", "VolumeSizeInGB": 50}
            },
            "AppSpecification": {"ImageUri": "x"},
            "CreationTime": 0,
        }

    for statuses in (["InProgress", "Stopping", "Stopping", "Stopped"], ["Stopping", "Stopped"], ["Completed"]):
        with Stubber(aws.sagemaker) as stub:
            for number, status in enumerate(statuses):
                stub.add_response("describe_processing_job", job(status))
                if number == 0 and status == "InProgress":
                    stub.add_response("stop_processing_job", {})
            assert delete([Resource("processing-job", RUN, "us-east-1")], lambda _: aws) == {}
            stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("ValidationException", f'Could not find endpoint "{ARN}".'),
        ("ValidationException", "Requested resource not found."),
        ("ResourceNotFound", ""),
        ("NoSuchBucket", ""),
    ],
)
def test_what_is_not_there_is_as_good_as_deleted(aws: Aws, code: str, text: str) -> None:
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("describe_training_job", code, text)
        assert delete([Resource("training-job", RUN, "us-east-1")], lambda _: aws) == {}


def test_an_endpoint_is_deleted_though_aws_cannot_be_reached_for_a_while(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = aws.sagemaker.describe_endpoint
    failures = [
        EndpointConnectionError(endpoint_url="https://sagemaker"),
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "DescribeEndpoint"),
        ClientError({"Error": {"Code": "InternalFailure", "Message": "ours"}}, "DescribeEndpoint"),
    ]

    def describe(**arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(**arguments)

    monkeypatch.setattr(aws.sagemaker, "describe_endpoint", describe)
    with Stubber(aws.sagemaker) as stub:
        stub.add_response("describe_endpoint", described("InService"))
        stub.add_response("delete_endpoint", {})
        stub.add_client_error("describe_endpoint", "ValidationException", "Could not find endpoint")
        assert delete([Resource("endpoint", RUN, "us-east-1")], lambda _: aws) == {}
        stub.assert_no_pending_responses()


def test_what_will_not_pass_is_not_asked_again(aws: Aws) -> None:
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("describe_endpoint", "AccessDeniedException", "no")
        (reason,) = delete([Resource("endpoint", RUN, "us-east-1")], lambda _: aws).values()
    assert "AccessDeniedException" in reason


def test_a_wait_outlasts_a_gap(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmebench.endpoints.sagemaker.aws._AGAIN_SECONDS", 0)
    with Stubber(aws.sagemaker) as stub:
        stub.add_client_error("describe_endpoint", "ServiceUnavailable", "")
        stub.add_response("describe_endpoint", described("InService"))
        deployment(aws, []).wait_for_endpoint(RUN)
        stub.assert_no_pending_responses()
