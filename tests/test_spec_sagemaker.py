"""The endpoint of kind sagemaker in a spec."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mmebench.errors import BadInputError
from mmebench.spec import LocalEndpoint, SageMakerEndpoint, ServedEndpoint
from mmebench.spec.reading import load_spec

ENDPOINT: dict[str, Any] = {
    "kind": "sagemaker",
    "instance_type": "ml.g5.xlarge",
    "role": "arn:aws:iam::123456789012:role/mmebench",
    "bucket": "models-123456789012",
}


def load(tmp_path: Path, endpoint: dict[str, Any]) -> ServedEndpoint:
    path = tmp_path / "spec.yaml"
    model = {"source": "timm", "name": "resnet18"}
    path.write_text(yaml.safe_dump({"model": model, "platforms": ["pt"], "endpoint": endpoint}), encoding="utf-8")
    return load_spec(path).endpoint


def test_one_instance_type_or_several(tmp_path: Path) -> None:
    one = load(tmp_path, ENDPOINT)
    assert isinstance(one, SageMakerEndpoint)
    assert (one.instance_type, one.account, one.prefix) == ("ml.g5.xlarge", "123456789012", "mmebench")
    assert one.each() == (one,)
    several = {key: value for key, value in ENDPOINT.items() if key != "instance_type"}
    two = load(tmp_path, several | {"instance_types": ["ml.g4dn.xlarge", "ml.g5.xlarge"]})
    assert [each.instance_type for each in two.each() if isinstance(each, SageMakerEndpoint)] == [
        "ml.g4dn.xlarge",
        "ml.g5.xlarge",
    ]


def test_an_endpoint_without_a_kind_is_local(tmp_path: Path) -> None:
    assert isinstance(load(tmp_path, {"memory": "1GiB"}), LocalEndpoint)


def test_what_is_written_names_no_account(tmp_path: Path) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1"
    spec = load(tmp_path, ENDPOINT | {"image": image, "bucket_owner": "210987654321"})
    assert isinstance(spec, SageMakerEndpoint)
    written = spec.model_dump_json()
    assert "123456789012" not in written
    assert "210987654321" not in written
    assert "ml.g5.xlarge" in written


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instance_type": "g5.xlarge"}, r"endpoint\.instance_types\.0: got 'g5\.xlarge'"),
        ({"instance_types": ["ml.g5.xlarge"]}, r"got both instance_type and instance_types"),
        (
            {"role": "mmebench"},
            r"endpoint\.role: got 'mmebench'; allowed: text like arn:aws:iam::",
        ),
        ({"bucket": "s3://models"}, r"endpoint\.bucket: got 's3://models'"),
        ({"prefix": "a/"}, r"endpoint\.prefix: got 'a/'"),
        ({"region": "Virginia"}, r"endpoint\.region: got 'Virginia'"),
        ({"rol": 1}, r"endpoint\.rol: unknown key.*did you mean role\?"),
        ({"triton": "25.04", "image": "x"}, r"got both triton and image"),
        ({"ami": "al2"}, r"endpoint\.ami: got 'al2'; allowed: 'al2-ami-sagemaker-inference-gpu-2'"),
        (
            {"startup_timeout": "2h"},
            r"endpoint\.startup_timeout: got 7200 s; allowed: a duration .* from 60 to 3600 s; write e.g. .*600s",
        ),
        ({"budget": 0}, r"endpoint\.budget: got 0; allowed: a number over 0"),
        ({"lifetime": "forever"}, r"endpoint\.lifetime: got 'forever'; write a duration as"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        load(tmp_path, ENDPOINT | change)


def test_what_cannot_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        load(tmp_path, {"kind": "sagemaker"})
    _, *mistakes = str(caught.value).splitlines()
    assert [line.split(";")[0] for line in mistakes] == ["  endpoint.instance_types: missing"], "the session knows"
