"""Where the SageMaker Runtime of a region is, what an endpoint's path is and takes, and who is this machine."""

import ipaddress
from urllib.parse import quote

BODY_LIMIT = 25 * 1024 * 1024
"""Bytes that a real-time request may have (Amazon SageMaker AI, "Hosting FAQs": 25 MB)."""


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


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine, by its own word for itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
