"""The AWS clients of one region, and what AWS says when something goes wrong, as one line that says what to do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

from mmebench.aws_settings import aws_settings_errors, find_credentials, open_session, sign_in_advice
from mmebench.errors import BadInputError, MmebenchError
from mmebench.privacy import hide_accounts

Answer = TypeVar("Answer")

_AGAIN_SECONDS = 5.0
_PRICING_REGION = "us-east-1"
"""The Price List API is there, in eu-central-1 and in ap-south-1 only."""


class Aws:
    """Clients that are made when they are first used, by one thread; what is called is not part of any load."""

    def __init__(self, region: str, profile: str | None = None) -> None:
        """For the credentials of ``profile``, or of AWS_PROFILE and the other variables.

        Raises:
            BadInputError: they cannot be had. That there are none is said by the first call.
        """
        import boto3

        self.region = region
        self.profile = profile
        session = open_session(profile)
        find_credentials(session)
        self._session = boto3.Session(botocore_session=session, region_name=region)

    def _client(self, service: str, region: str | None = None) -> Any:
        from botocore.config import Config

        config = Config(retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=10, read_timeout=60)
        with aws_settings_errors(self.profile):
            return self._session.client(service, region_name=region or self.region, config=config)

    @cached_property
    def sagemaker(self) -> Any:
        """The control plane."""
        return self._client("sagemaker")

    @cached_property
    def s3(self) -> Any:
        """Archives."""
        return self._client("s3")

    @cached_property
    def autoscaling(self) -> Any:
        """Application Auto Scaling."""
        return self._client("application-autoscaling")

    @cached_property
    def cloudwatch(self) -> Any:
        """Metrics."""
        return self._client("cloudwatch")

    @cached_property
    def quotas(self) -> Any:
        """Service quotas."""
        return self._client("service-quotas")

    @cached_property
    def identity(self) -> Any:
        """Whom the credentials belong to."""
        return self._client("sts")

    @cached_property
    def iam(self) -> Any:
        """Roles."""
        return self._client("iam")

    @cached_property
    def ecr(self) -> Any:
        """Container images."""
        return self._client("ecr")

    @cached_property
    def pricing(self) -> Any:
        """The Price List API."""
        return self._client("pricing", _PRICING_REGION)

    def runtime_url(self) -> str:
        """The base URL of InvokeEndpoint: as botocore knows it, or as AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME says."""
        return str(self._client("sagemaker-runtime").meta.endpoint_url)


class AwsError(MmebenchError):
    """AWS refused or did not answer; ``code`` is its own word for it, ``text`` what it said."""

    def __init__(self, message: str, code: str, text: str) -> None:
        super().__init__(message)
        self.code = code
        self.text = text

    @property
    def missing(self) -> bool:
        """Whether there is no such thing, or no longer."""
        return self.code in _MISSING or any(words in self.text for words in _MISSING_WORDS)

    @property
    def denied(self) -> bool:
        """Whether the credentials may not do this."""
        return _SAME.get(self.code, self.code) == "AccessDenied"

    @property
    def passing(self) -> bool:
        """Whether it is worth asking again a little later: the same call may be answered then."""
        return _SAME.get(self.code, self.code) == "Throttling" or self.code in _UNAVAILABLE


class UnreachableError(AwsError):
    """Nobody answered."""

    @property
    def passing(self) -> bool:
        """Somebody may answer soon."""
        return True


class NoCredentialsError(AwsError, BadInputError):
    """Nobody is signed in; nothing can have been started."""

    exit_code = BadInputError.exit_code


_UNAVAILABLE = ("InternalFailure", "InternalServerError", "InternalError", "ServiceUnavailable", "500", "503")
_MISSING_WORDS = ("Could not find", "does not exist", "Requested resource not found", "No scalable target found")
"""SageMaker calls all of these a ValidationException."""
_MISSING = (
    "NoSuchKey",
    "NoSuchBucket",
    "NoSuchUpload",
    "404",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "ObjectNotFoundException",
)

_BY_CODE = {
    "ExpiredToken": "the credentials have expired; renew them (aws sso login, or new keys) and run mmebench clean",
    "InvalidClientTokenId": "the credentials are not valid; check AWS_PROFILE, or run aws configure",
    "AccessDenied": "the credentials may not do this; mmebench iam-policy prints what a spec needs",
    "Throttling": "AWS asks for fewer calls a second, also after six attempts; wait a minute and run it again",
    "ResourceLimitExceeded": "a quota of the account is used up; ask for more in the Service Quotas console "
    "(GPU instances often start at 0), or take another instance type; mmebench doctor shows the quotas",
    "NoSuchBucket": "there is no such bucket; create it in the endpoint's region, or correct endpoint.bucket",
    "PermanentRedirect": "the bucket is in another region; endpoint.region and the bucket's must be the same",
}
_SAME = {
    "ExpiredTokenException": "ExpiredToken",
    "RequestExpired": "ExpiredToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "InvalidAccessKeyId": "InvalidClientTokenId",
    "SignatureDoesNotMatch": "InvalidClientTokenId",
    "InvalidSignatureException": "InvalidClientTokenId",
    "AccessDeniedException": "AccessDenied",
    "UnauthorizedOperation": "AccessDenied",
    "403": "AccessDenied",
    "404": "NoSuchBucket",
    "301": "PermanentRedirect",
    "IllegalLocationConstraintException": "PermanentRedirect",
    "AuthorizationHeaderMalformed": "PermanentRedirect",
    "ThrottlingException": "Throttling",
    "TooManyRequestsException": "Throttling",
    "SlowDown": "Throttling",
}
_BY_TEXT = {
    "InsufficientInstanceCapacity": "AWS has no such instance free now; try again later, or another instance type "
    "or region",
    "Unable to provision requested ML compute capacity": "AWS has no such instance free now; try again later, or "
    "another instance type or region",
    "MultiModel mode is not supported for instance type": "SageMaker refuses this instance type for multi-model "
    "endpoints; documented are the one-GPU types of g4dn, g5, p2 and p3",
    "capabilities.multi-models": "the image lacks the label com.amazonaws.sagemaker.capabilities.multi-models=true"
    "; take SageMaker's Triton image (endpoint.triton), or add the label to yours",
    "CannotStartContainerError": "the container did not start; most often the image's CUDA is newer than the "
    "host's driver: set endpoint.ami to a newer host image, or endpoint.triton to an older version",
    "did not pass the ping health check": "the container did not become healthy in time; its log in CloudWatch "
    "(/aws/sagemaker/Endpoints/…) says why; raise endpoint.startup_timeout if it was still starting",
    "does not grant": "the image's repository is closed to SageMaker; its account is not that of this region and "
    "version, correct endpoint.image or take endpoint.triton",
}


def advice(code: str, text: str) -> str:
    """What to do about an error of AWS, by its code or its words; empty where nobody knows better."""
    by_text = [hint for words, hint in _BY_TEXT.items() if words in text]
    return by_text[0] if by_text else _BY_CODE.get(_SAME.get(code, code), "")


def aws_error(what: str, code: str, text: str) -> AwsError:
    """The error that a person sees: what was being done, what AWS said, and what to do."""
    hint = advice(code, text)
    said = hide_accounts(f"{code}: {text}" if code else text)
    return AwsError(f"{what}: {hint} ({said})" if hint else f"{what}: {said}", code, text)


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Turn whatever boto3 raises into one :class:`AwsError`.

    Args:
        what: what is being done, for the message: ``create endpoint mmebench-…``.

    Raises:
        AwsError: in place of every error of botocore, boto3 and s3transfer. NoCredentialsError: there are none.
    """
    from boto3.exceptions import Boto3Error
    from botocore import exceptions as botocore

    try:
        yield
    except botocore.ClientError as error:
        said = error.response.get("Error", {})
        raise aws_error(what, str(said.get("Code", "")), str(said.get("Message", ""))) from None
    except botocore.NoCredentialsError as error:
        raise NoCredentialsError(f"{what}: no AWS credentials; {sign_in_advice(error)}", "", "") from None
    except (botocore.ConnectionError, botocore.HTTPClientError) as error:
        raise UnreachableError(f"{what}: {hide_accounts(str(error))}", "", str(error)) from None
    except (botocore.BotoCoreError, Boto3Error) as error:
        text = hide_accounts(str(error))
        how = sign_in_advice(error)
        raise aws_error(what, _hidden_code(text), f"{text}; {how}" if how else text) from None


def ask_again(look: Callable[[], Answer], seconds: float) -> Answer:
    """What ``look`` returns; while AWS does not answer for reasons that pass, it is asked again for so long.

    Raises:
        AwsError: what it says in the end, or at once where it would say so again.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return look()
        except AwsError as error:
            if not error.passing or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_SECONDS)


def _hidden_code(text: str) -> str:
    """s3transfer puts the code of an error into its text: ``An error occurred (NoSuchBucket) when …``."""
    return text.partition("An error occurred (")[2].partition(")")[0]
