"""The IAM policies that a spec needs: its caller's, and its execution role's, for exactly what mmebench does.

Composed from the actions of the SageMaker developer guide ("SageMaker Roles") and of the services' API references.
"""

from typing import Any

from mmebench.endpoints.sagemaker.image import image_uri
from mmebench.endpoints.sagemaker.names import PREFIX
from mmebench.endpoints.sagemaker.session import default_bucket
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint

Policy = dict[str, Any]

_JOBS = {"training": ("training-job", "TrainingJob"), "processing": ("processing-job", "ProcessingJob")}


def caller_policy(spec: SageMakerEndpoint, builds_engines: bool) -> Policy:
    """For whoever runs ``mmebench run``, ``doctor`` and ``clean`` with this spec.

    Args:
        spec: its region, account, bucket, prefix and role are what the policy is narrowed to.
        builds_engines: whether the spec has engines or packages built in jobs.
    """
    own = f"arn:{_partition(spec)}:sagemaker:{spec.region}:{spec.role_account}"
    nouns = {"model": "Model", "endpoint-config": "EndpointConfig", "endpoint": "Endpoint"}
    actions = [f"sagemaker:{verb}{noun}" for noun in nouns.values() for verb in ("Create", "Describe", "Delete")]
    actions += ["sagemaker:InvokeEndpoint", "sagemaker:AddTags", "sagemaker:ListTags"]
    # mmebench clean looks for components on endpoints of any spec.
    actions += [f"sagemaker:{verb}InferenceComponent" for verb in ("Describe", "Delete")]
    if spec.hosting == "components":
        actions.append("sagemaker:CreateInferenceComponent")
    if spec.blue_green:
        actions.append("sagemaker:UpdateEndpoint")
    # mmebench clean looks for jobs of any spec.
    actions += [f"sagemaker:{verb}{noun}" for _, noun in _JOBS.values() for verb in ("Describe", "Stop")]
    if builds_engines and spec.engine_builder in _JOBS:
        actions.append(f"sagemaker:Create{_JOBS[spec.engine_builder][1]}")
    kinds = [*nouns, "inference-component", *(kind for kind, _ in _JOBS.values())]
    lists = ("Endpoints", "EndpointConfigs", "Models", "InferenceComponents", "TrainingJobs", "ProcessingJobs")
    looks = [f"sagemaker:List{noun}" for noun in lists] + [
        "application-autoscaling:DescribeScalableTargets",
        "cloudwatch:GetMetricData",
        "servicequotas:ListServiceQuotas",
        "servicequotas:ListAWSDefaultServiceQuotas",
        "pricing:GetProducts",
        "sts:GetCallerIdentity",
        "ecr:DescribeImages",
    ]
    statements = [
        _allow("Sagemaker", actions, [f"{own}:{kind}/{PREFIX}*" for kind in kinds]),
        _allow("Look", looks, "*"),
        _allow("PassRole", ["iam:PassRole"], spec.role)
        | {"Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}},
        _allow("Role", ["iam:GetRole"], spec.role),
        *_scaling(spec),
        _allow(
            "Bucket",
            [
                "s3:ListBucket",
                "s3:ListBucketVersions",
                "s3:GetBucketLocation",
                "s3:ListBucketMultipartUploads",
                *(["s3:CreateBucket"] if spec.bucket == default_bucket(spec) else []),
            ],
            _bucket(spec),
        ),
        _allow(
            "Archives",
            [
                "s3:GetObject",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:AbortMultipartUpload",
                "s3:GetObjectTagging",
                "s3:PutObjectTagging",
            ],
            _objects(spec),
        ),
    ]
    return _policy(statements + _key(spec))


def role_policy(spec: SageMakerEndpoint, builds_engines: bool) -> Policy:
    """For the execution role: read archives, write engines, pull the image, write logs and metrics."""
    partition = _partition(spec)
    objects = ["s3:GetObject"] + (["s3:PutObject"] if builds_engines else [])
    images = [_repository(partition, uri) for uri in (image_uri(spec), spec.compiler_image) if uri is not None]
    logs = f"arn:{partition}:logs:{spec.region}:{spec.role_account}:log-group:/aws/sagemaker/*"
    statements = [
        _allow("Bucket", ["s3:ListBucket"], _bucket(spec)),
        _allow("Archives", objects, _objects(spec)),
        _allow("Registry", ["ecr:GetAuthorizationToken"], "*"),
        _allow(
            "Image",
            ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
            images[0] if len(images) == 1 else images,
        ),
        _allow(
            "Logs",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            logs,
        ),
        _allow("Metrics", ["cloudwatch:PutMetricData"], "*"),
    ]
    return _policy(statements + _key(spec))


def trust_policy() -> Policy:
    """Who may take the execution role on: SageMaker."""
    return _policy(
        [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    )


def _scaling(spec: SageMakerEndpoint) -> list[dict[str, Any]]:
    """Target tracking makes alarms in the caller's name, and the first of an account its role."""
    if spec.autoscaling is None:
        return []
    calls = ("RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy", "TagResource")
    service = "sagemaker.application-autoscaling.amazonaws.com"
    role = f"aws-service-role/{service}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    alarms = f"arn:{_partition(spec)}:cloudwatch:{spec.region}:{spec.role_account}:alarm:TargetTracking-endpoint/*"
    targets = f"arn:{_partition(spec)}:application-autoscaling:{spec.region}:{spec.role_account}:scalable-target/*"
    return [
        _allow("Autoscaling", [f"application-autoscaling:{call}" for call in calls], targets),
        _allow("Alarms", [f"cloudwatch:{verb}" for verb in ("PutMetricAlarm", "DeleteAlarms")], alarms),
        _allow(
            "ScalingRole",
            ["iam:CreateServiceLinkedRole"],
            f"arn:{_partition(spec)}:iam::{spec.role_account}:role/{role}",
        )
        | {"Condition": {"StringEquals": {"iam:AWSServiceName": service}}},
    ]


def _policy(statements: list[dict[str, Any]]) -> Policy:
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(name: str, actions: list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource}


def _repository(partition: str, uri: str) -> str:
    """Of an image; any where it is not in ECR."""
    registry, _, name = uri.partition("@")[0].partition(":")[0].partition("/")
    parts = registry.split(".")
    return f"arn:{partition}:ecr:{parts[3]}:{parts[0]}:repository/{name}" if ".dkr.ecr." in registry else "*"


def _partition(spec: SageMakerEndpoint) -> str:
    return spec.role.split(":")[1]


def _bucket(spec: SageMakerEndpoint) -> str:
    return f"arn:{_partition(spec)}:s3:::{spec.bucket}"


def _objects(spec: SageMakerEndpoint) -> str:
    return f"{_bucket(spec)}/{spec.prefix}/{PREFIX}*"


def _key(spec: SageMakerEndpoint) -> list[dict[str, Any]]:
    """Only a key given by its own ARN can be named; an alias stands for a key that nobody here knows."""
    if spec.kms_key is None:
        return []
    arn = f"arn:{_partition(spec)}:kms:{spec.region}:{spec.role_account}:key/*"
    return [
        _allow("Key", ["kms:GenerateDataKey", "kms:Decrypt"], spec.kms_key if ":key/" in spec.kms_key else arn)
    ]
