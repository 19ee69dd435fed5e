"""What a spec leaves to the session: region, role and bucket, found as SageMaker's Python SDK finds them.

In a notebook or Studio the role is that of the notebook, anywhere else the one that the credentials were assumed
with; the bucket is ``sagemaker-<region>-<account>``, which is made where it is not there yet.
"""

import json
import re
from pathlib import Path

from mmebench.aws_settings import open_session
from mmebench.endpoints.sagemaker.aws import Aws, AwsError, calling
from mmebench.errors import BadInputError
from mmebench.spec.endpoints.sagemaker import SESSION, SageMakerEndpoint

_NOTEBOOK = Path("/opt/ml/metadata/resource-metadata.json")
"""What SageMaker writes where a notebook runs."""
_FALLBACK_REGION = "us-east-1"
_ASSUMED = re.compile(r"arn:(?P<partition>aws[a-z-]*):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.*")


def with_session_defaults(spec: SageMakerEndpoint) -> SageMakerEndpoint:
    """The spec with a region, a role and a bucket; AWS is asked for no more than is missing.

    Raises:
        BadInputError: there are no credentials, or nobody says which role.
    """
    region = session_region(spec.profile) if spec.region == SESSION else spec.region
    aws = Aws(region, spec.profile)
    role = _find_role(aws) if spec.role == SESSION else spec.role
    found = spec.model_copy(update={"region": region, "role": role})
    return found if spec.bucket != SESSION else found.model_copy(update={"bucket": default_bucket(found)})


def session_region(profile: str | None = None) -> str:
    """As AWS_REGION, AWS_DEFAULT_REGION and the profile say; us-east-1 where they do not."""
    return open_session(profile).get_config_variable("region") or _FALLBACK_REGION


def default_bucket(spec: SageMakerEndpoint) -> str:
    """The bucket that SageMaker's tools share in an account and a region."""
    return f"sagemaker-{spec.region}-{spec.account}"


def make_default_bucket(aws: Aws, spec: SageMakerEndpoint) -> None:
    """Create the default bucket, if that is the spec's and it is not there yet.

    Raises:
        AwsError: it cannot be created.
    """
    if spec.bucket != default_bucket(spec):
        return
    try:
        with calling(f"look for bucket {spec.bucket}"):
            aws.s3.head_bucket(Bucket=spec.bucket)
    except AwsError as error:
        if not error.missing:
            return  # it is there; whether it can be used is looked at anyway
        where = {} if spec.region == _FALLBACK_REGION else {"LocationConstraint": spec.region}
        with calling(f"create bucket {spec.bucket}"):
            aws.s3.create_bucket(Bucket=spec.bucket, **({"CreateBucketConfiguration": where} if where else {}))


def _find_role(aws: Aws) -> str:
    noted = _role_of_notebook()
    if noted is not None:
        return noted
    with calling("ask whose the credentials are"):
        arn = str(aws.identity.get_caller_identity()["Arn"])
    assumed = _ASSUMED.fullmatch(arn)
    if assumed is None:
        raise BadInputError(
            "endpoint.role: got none, and the credentials are of a user, not of a role; give the ARN of the "
            "execution role, arn:aws:iam::<account>:role/<name>"
        )
    try:
        with calling("look at the role of the credentials"):
            return str(aws.iam.get_role(RoleName=assumed["role"])["Role"]["Arn"])
    except AwsError as error:
        if not error.denied:
            raise
        # Its path is not for these credentials to see; SageMaker's own console puts roles below service-role/.
        path = "service-role/" if assumed["role"].startswith("AmazonSageMaker-ExecutionRole") else ""
        return f"arn:{assumed['partition']}:iam::{assumed['account']}:role/{path}{assumed['role']}"


def _role_of_notebook() -> str | None:
    try:
        found = json.loads(_NOTEBOOK.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    role = found.get("ExecutionRoleArn") if isinstance(found, dict) else None
    return str(role) if role else None
