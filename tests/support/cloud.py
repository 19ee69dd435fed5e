"""AWS on this machine: moto's server over HTTP, with every instance type that the API knows."""

import copy
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.loaders import JSONFileLoader
from moto.backends import get_backend
from moto.sagemaker.models import FakeEndpointConfig
from moto.server import ThreadedMotoServer

from support import deployments, inference_components

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/mmebench"
BUCKET = "models"
ENDPOINT = {
    "kind": "sagemaker",
    "instance_type": "ml.g5.xlarge",
    "role": ROLE,
    "region": "us-east-1",
    "bucket": BUCKET,
}
"""As a spec asks for one there."""


@contextmanager
def moto_server() -> Iterator[str]:
    """Its URL. moto's list of instance types is of 2020, so that nothing is refused by it."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(FakeEndpointConfig, "validate_instance_type", lambda self, instance_type: None)
    inference_components.play(monkeypatch)
    deployments.play(monkeypatch)
    # What AWS says of its services is megabytes, which each of the sessions that tests open would read anew.
    read_once = cache(JSONFileLoader().load_file)
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda self, path: read_once(path))
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
        monkeypatch.undo()


def environment(url: str) -> dict[str, str]:
    """In which boto3 finds it."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        # moto gives the copy of an upload in several parts a checksum that is not that of the copy.
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    }


def reset(url: str) -> None:
    """An empty account with one bucket."""
    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")).close()
    client("s3", url).create_bucket(Bucket=BUCKET)


@contextmanager
def restored() -> Iterator[None]:
    """Whatever the block does to the account of this process' server is undone after it."""
    # Literal names: the overloads of this call are told apart by them.
    accounts: list[Any] = [get_backend("s3"), get_backend("sagemaker"), get_backend("applicationautoscaling")]
    backends = [backend for service in accounts for regions in service.values() for backend in regions.values()]
    before = [copy.deepcopy(vars(backend)) for backend in backends]
    try:
        yield
    finally:
        for backend, state in zip(backends, before, strict=True):
            vars(backend).clear()
            vars(backend).update(state)


@cache
def client(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def everything(url: str) -> list[str]:
    """All that is there and would cost money, or be in the way."""
    sagemaker, s3 = client("sagemaker", url), client("s3", url)
    found = [f"endpoint {item['EndpointName']}" for item in sagemaker.list_endpoints()["Endpoints"]]
    found += [
        f"config {item['EndpointConfigName']}" for item in sagemaker.list_endpoint_configs()["EndpointConfigs"]
    ]
    found += [f"model {item['ModelName']}" for item in sagemaker.list_models()["Models"]]
    listed = sagemaker.list_inference_components()["InferenceComponents"]
    found += [f"component {item['InferenceComponentName']}" for item in listed]
    scaling, of = client("application-autoscaling", url), {"ServiceNamespace": "sagemaker"}
    found += [
        f"scaled {item['ResourceId']}" for item in scaling.describe_scalable_targets(**of)["ScalableTargets"]
    ]
    found += [
        f"policy {item['PolicyName']}" for item in scaling.describe_scaling_policies(**of)["ScalingPolicies"]
    ]
    found += [f"object {item['Key']}" for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    found += [f"upload {item['Key']}" for item in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]
    return found
