"""The doctor: whether a spec can be run on this account, each condition by itself, before anything is created."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from mmebench.endpoints.finding import Finding, ask
from mmebench.endpoints.sagemaker.aws import Aws, AwsError, calling
from mmebench.endpoints.sagemaker.bucket import check_bucket
from mmebench.endpoints.sagemaker.image import image_uri, inference_ami
from mmebench.endpoints.sagemaker.prices import check_budget, find_price
from mmebench.endpoints.sagemaker.quotas import ADVICE, endpoint_quota, read_quotas
from mmebench.endpoints.sagemaker.session import default_bucket
from mmebench.errors import BadInputError
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint

_DOCUMENTED = (
    "ml.p2.xlarge",
    "ml.p3.2xlarge",
    *(f"ml.{family}.{size}xlarge" for family in ("g4dn", "g5") for size in ("", 2, 4, 8, 16)),
)
"""Instance types for GPU multi-model endpoints, as the developer guide lists them ("Supported instance types")."""


def examine(spec: SageMakerEndpoint, runs: int, builds: int, compiles: bool) -> Iterator[Finding]:
    """Each condition in turn; nothing is created.

    Args:
        spec: of any number of instance types.
        runs: endpoints on each instance type.
        builds: engines and packages built on each.
        compiles: whether some of them are compiled by ``compiler_image``.
    """
    aws = Aws(spec.region, spec.profile)
    yield ask("credentials", lambda: _credentials(aws, spec))
    yield ask("image", lambda: _image(aws, image_uri(spec), inference_ami(spec) or "the default host image"))
    if compiles:
        yield ask("compiler image", lambda: _compiler_image(aws, spec))
    yield ask("role", lambda: _role(aws, spec))
    yield ask("bucket", lambda: _bucket(aws, spec))
    for each in spec.each():
        yield ask(f"{each.instance_type}, documented", partial(_documented, each))
    yield from _quotas(aws, spec, builds)
    yield ask("price and budget", lambda: _price(aws, spec, runs, builds))


def _credentials(aws: Aws, spec: SageMakerEndpoint) -> tuple[bool, str]:
    with calling("ask whose they are"):
        account = aws.identity.get_caller_identity()["Account"]
    if account != spec.role_account:
        return (
            False,
            "they belong to another account than endpoint.role; SageMaker takes only roles of the caller's",
        )
    return True, f"of the account of endpoint.role, in {spec.region}"


def _compiler_image(aws: Aws, spec: SageMakerEndpoint) -> tuple[bool | None, str]:
    if spec.compiler_image is None:
        return False, spec.lacks_compiler or ""
    return _image(aws, spec.compiler_image, spec.instance_type)


def _image(aws: Aws, uri: str, where: str) -> tuple[bool | None, str]:
    registry, _, rest = uri.partition("/")
    named, _, digest = rest.partition("@")
    name, _, tag = named.partition(":")
    host = f"{rest} on {where}"
    if ".dkr.ecr." not in registry:
        return None, f"{rest} is not in ECR; SageMaker takes images from there"
    try:
        with calling("image"):
            wanted = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
            aws.ecr.describe_images(registryId=registry.split(".")[0], repositoryName=name, imageIds=[wanted])
    except AwsError as error:
        if not error.code:  # nobody has answered
            raise
        if error.code in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return False, f"{rest} is not there; take another image"
        return None, f"{host}; whether it is there is not for these credentials to see ({error.code})"
    return True, host


def _role(aws: Aws, spec: SageMakerEndpoint) -> tuple[bool | None, str]:
    name = spec.role.rpartition("/")[2]
    try:
        with calling("role"):
            document = aws.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    except AwsError as error:
        if not error.code:
            raise
        if error.code in ("NoSuchEntity", "NoSuchEntityException"):
            return False, f"there is no role {name}; mmebench iam-policy prints what it needs"
        return None, f"these credentials may not look at it ({error.code}); it must trust sagemaker.amazonaws.com"
    if not _trusts_sagemaker(document):
        return False, f"{name} does not trust sagemaker.amazonaws.com; mmebench iam-policy prints the trust policy"
    return True, f"{name} trusts SageMaker"


def _trusts_sagemaker(document: dict[str, Any]) -> bool:
    found = document.get("Statement", [])
    for statement in [found] if isinstance(found, dict) else found:  # IAM takes either
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if statement.get("Effect") == "Allow" and "sagemaker.amazonaws.com" in services:
            return True
    return False


def _bucket(aws: Aws, spec: SageMakerEndpoint) -> tuple[bool | None, str]:
    try:
        check_bucket(aws, spec)
    except BadInputError:
        if spec.bucket != default_bucket(spec):
            raise
        return None, f"{spec.bucket} is not there or not to be used; mmebench run makes it if it is not there"
    return True, f"{spec.bucket} is in {spec.region} and belongs to the account"


def _documented(spec: SageMakerEndpoint) -> tuple[bool | None, str]:
    if spec.instance_type in _DOCUMENTED:
        return True, "for GPU multi-model endpoints"
    return None, "not among the types listed for GPU multi-model endpoints; SageMaker may refuse it, at no cost"


def _quotas(aws: Aws, spec: SageMakerEndpoint, builds: int) -> Iterator[Finding]:
    """By name, as quota codes are not documented; each must hold what exists together."""
    wanted = [(endpoint_quota(one), spec.most_instances) for one in spec.instance_types]
    if builds and spec.engine_builder != "local":
        wanted += [(f"{one} for {spec.engine_builder} job usage", 1) for one in spec.instance_types]
    try:
        quotas = read_quotas(aws)
    except AwsError as error:
        yield Finding("quotas", None, str(error))
        return
    for name, needed in wanted:
        value = quotas.get(name)
        if value is None:
            yield Finding(f"quota {name}", None, "not listed; look for it in the Service Quotas console")
        elif value < needed:
            yield Finding(f"quota {name}", False, f"{value:g}, and {needed} needed; {ADVICE}")
        else:
            yield Finding(f"quota {name}", True, f"{value:g}")


def _price(aws: Aws, spec: SageMakerEndpoint, runs: int, builds: int) -> tuple[bool, str]:
    prices = {each.instance_type: find_price(aws, each) for each in spec.each()}
    check_budget(spec, prices, runs, builds)
    shown = ", ".join(f"{one} ${price.usd_per_hour:.4g} an hour ({price.source})" for one, price in prices.items())
    return True, shown
