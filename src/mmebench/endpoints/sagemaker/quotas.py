"""What the account may have of an instance type: its quotas, by name, as their codes are not documented."""

from mmebench.endpoints.sagemaker.aws import Aws, AwsError, calling
from mmebench.errors import BadInputError
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint

ADVICE = "ask for more in the Service Quotas console, which may take a day, or take another type"


def endpoint_quota(instance_type: str) -> str:
    """The name of that for instances behind endpoints."""
    return f"{instance_type} for endpoint usage"


def read_quotas(aws: Aws) -> dict[str, float]:
    """The account's own values; AWS's defaults for what it has never changed.

    Raises:
        AwsError: AWS does not say.
    """
    found: dict[str, float] = {}
    with calling("list the quotas of SageMaker"):
        for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
            for page in aws.quotas.get_paginator(operation).paginate(ServiceCode="sagemaker"):
                found |= {quota["QuotaName"]: float(quota["Value"]) for quota in page["Quotas"]}
    return found


def check_quotas(aws: Aws, spec: SageMakerEndpoint) -> None:
    """Refuse a spec of whose instance types the account may not have enough for one endpoint.

    Where these credentials may not look, AWS says so itself when the endpoint is created.

    Raises:
        BadInputError: it may not.
    """
    try:
        quotas = read_quotas(aws)
    except AwsError:
        return
    for instance_type in spec.instance_types:
        name = endpoint_quota(instance_type)
        if quotas.get(name, spec.instance_count) < spec.instance_count:
            raise BadInputError(
                f"endpoint.instance_types: got {instance_type}, of which the account may have {quotas[name]:g} "
                f"behind endpoints (quota {name!r}); {spec.instance_count} needed; {ADVICE}"
            )
