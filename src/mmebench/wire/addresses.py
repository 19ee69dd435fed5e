"""Where the SageMaker Runtime of a region is, and the path of an endpoint there."""

from urllib.parse import quote


def runtime_url(region: str, fips: bool = False) -> str:
    """The base URL of InvokeEndpoint in ``region``, as in the AWS General Reference, "Amazon SageMaker endpoints".

    ``fips``: the endpoint with validated cryptography, which some regions have.
    """
    service = "runtime-fips" if fips else "runtime"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.sagemaker.{region}.{suffix}"


def invocation_path(endpoint_name: str) -> str:
    """The path that invocations of an endpoint are sent to, percent-encoded."""
    return f"/endpoints/{quote(endpoint_name, safe='-_.~')}/invocations"
