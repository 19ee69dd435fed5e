"""How requests name their model, held against what botocore sends."""

import pytest
from botocore.session import Session

from mmebench.spec.hosting import Hosting
from mmebench.wire.addressing import address_of

CALLS: dict[Hosting, dict[str, str]] = {
    "multi-model": {"EndpointName": "shop", "TargetModel": "photos/a b"},
    "components": {"EndpointName": "shop", "InferenceComponentName": "photos/a b"},
    "single": {"EndpointName": "photos/a b"},
}


@pytest.mark.parametrize("hosting", CALLS)
def test_as_botocore_has_it(hosting: Hosting) -> None:
    client = Session().create_client(
        "sagemaker-runtime", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    model = client.meta.service_model.operation_model("InvokeEndpoint")
    request = client._convert_to_request_dict(
        {**CALLS[hosting], "Body": b""}, model, endpoint_url="https://example.com"
    )
    path, headers = address_of(hosting, "shop", "photos/a b")
    assert path == request["url_path"]
    sent = {name: value for name, value in request["headers"].items() if name.startswith("X-Amzn-SageMaker-")}
    assert headers == sent
