"""The doctor and the policies. Role and bucket are moto's; what moto has not, botocore's Stubber says."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.stub import Stubber
from click.testing import CliRunner

from mmebench.cli import cli
from mmebench.endpoints.finding import Finding
from mmebench.endpoints.sagemaker import doctor
from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.endpoints.sagemaker.doctor import examine
from mmebench.endpoints.sagemaker.image import image_uri
from mmebench.endpoints.sagemaker.policy import caller_policy, role_policy, trust_policy
from mmebench.endpoints.sagemaker.quotas import check_quotas
from mmebench.errors import BadInputError
from mmebench.spec import SageMakerEndpoint as Spec
from support import cloud

BASIC: dict[str, Any] = {
    "kind": "sagemaker",
    "instance_type": "ml.g5.xlarge",
    "role": cloud.ROLE,
    "region": "us-east-1",
    "bucket": cloud.BUCKET,
    "prices": {"ml.g5.xlarge": 1.5},
}


@pytest.fixture
def aws(account: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """With quotas and an image, as a healthy account has them."""
    cloud.client("iam", account).create_role(
        RoleName="mmebench", AssumeRolePolicyDocument=json.dumps(trust_policy())
    )
    one = Aws("us-east-1")
    monkeypatch.setattr(doctor, "Aws", lambda region, profile=None: one)
    quota = {"QuotaName": "ml.g5.xlarge for endpoint usage", "Value": 2.0}
    with ExitStack() as stack:
        image = stack.enter_context(Stubber(one.ecr))
        image.add_response("describe_images", {"imageDetails": []})
        quotas = stack.enter_context(Stubber(one.quotas))
        quotas.add_response("list_aws_default_service_quotas", {"Quotas": [quota | {"Value": 0.0}]})
        quotas.add_response("list_service_quotas", {"Quotas": [quota]})
        yield one


def by_name(spec: Spec, builds: int = 0, compiles: bool = False) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(spec, runs=1, builds=builds, compiles=compiles)}


def test_a_quota_that_is_too_small_ends_a_run_before_it_begins(aws: Aws) -> None:
    spec = Spec.model_validate(BASIC | {"instance_count": 3})
    with pytest.raises(
        BadInputError, match=r"got ml\.g5\.xlarge, of which the account may have 2 .* 3 needed"
    ) as caught:
        check_quotas(aws, spec)
    assert caught.value.exit_code == 2


def test_where_quotas_cannot_be_seen_a_run_begins(account: str) -> None:
    check_quotas(
        Aws("us-east-1"), Spec.model_validate(BASIC | {"instance_count": 3})
    )  # moto has none of SageMaker's


def test_a_healthy_account(aws: Aws) -> None:
    found = by_name(Spec.model_validate(BASIC))
    assert {name: finding.passed for name, finding in found.items()} == {
        "credentials": True,
        "image": True,
        "role": True,
        "bucket": True,
        "ml.g5.xlarge, documented": True,
        "quota ml.g5.xlarge for endpoint usage": True,
        "price and budget": True,
    }
    assert "gpu-4-1" in found["image"].text
    assert found["price and budget"].text == "ml.g5.xlarge $1.5 an hour (the spec)"


def test_what_is_missing_is_said_with_what_to_do(aws: Aws, account: str) -> None:
    other = json.dumps(trust_policy()).replace("sagemaker.amazonaws.com", "ec2.amazonaws.com")
    cloud.client("iam", account).update_assume_role_policy(RoleName="mmebench", PolicyDocument=other)
    spec = Spec.model_validate(BASIC | {"bucket": "nothing-there", "budget": 1.0, "instance_count": 3})
    found = by_name(spec, builds=1)
    failed = {name: finding.text for name, finding in found.items() if finding.passed is False}
    assert failed.keys() == {"role", "bucket", "quota ml.g5.xlarge for endpoint usage", "price and budget"}
    assert "does not trust sagemaker.amazonaws.com" in failed["role"]
    assert "there is no such bucket" in failed["bucket"]
    assert failed["quota ml.g5.xlarge for endpoint usage"].startswith("2, and 3 needed; ask for more")
    assert "raise the budget" in failed["price and budget"]
    assert found["quota ml.g5.xlarge for training job usage"].passed is None, "not listed, which says nothing"


def test_another_accounts_role_and_none_at_all(aws: Aws) -> None:
    other = by_name(Spec.model_validate(BASIC | {"role": "arn:aws:iam::210987654321:role/nobody"}))
    assert other["credentials"].passed is False
    assert other["role"].passed is False
    assert "there is no role nobody" in other["role"].text


def test_what_nobody_may_see_is_no_failure(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Aws("us-east-1")
    monkeypatch.setattr(doctor, "Aws", lambda region, profile=None: fresh)
    with Stubber(fresh.ecr) as image, Stubber(fresh.quotas) as quotas, Stubber(fresh.iam) as iam:
        image.add_client_error("describe_images", "AccessDeniedException", "no")
        quotas.add_client_error("list_aws_default_service_quotas", "AccessDeniedException", "no")
        iam.add_client_error("get_role", "AccessDenied", "no")
        found = by_name(
            Spec.model_validate(BASIC | {"instance_type": "ml.g6.xlarge", "prices": {"ml.g6.xlarge": 1}})
        )
    unknown = [name for name, finding in found.items() if finding.passed is None]
    assert unknown == ["image", "role", "ml.g6.xlarge, documented", "quotas"]


def test_an_image_that_is_not_there(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Aws("us-east-1")
    with Stubber(fresh.ecr) as image:
        image.add_client_error("describe_images", "ImageNotFoundException", "no")
        passed, text = doctor._image(fresh, image_uri(Spec.model_validate(BASIC)), "a host")
    assert (passed, "is not there; take another" in text) == (False, True)


def test_what_compiles_is_looked_for_too(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_name(Spec.model_validate(BASIC | {"triton": "26.05"}), builds=1, compiles=True)["compiler image"]
    assert found.passed is False
    assert "got none; pt2 is compiled" in found.text
    fresh = Aws("us-east-1")
    monkeypatch.setattr(doctor, "Aws", lambda region, profile=None: fresh)
    with Stubber(fresh.ecr) as image:
        for registry, name, tag in (
            ("763104351884", "sagemaker-tritonserver", "26.05-py3"),
            ("1", "pytorch", "mine"),
        ):
            asked = {"registryId": registry, "repositoryName": name, "imageIds": [{"imageTag": tag}]}
            image.add_response("describe_images", {"imageDetails": []}, asked)
        spec = BASIC | {"triton": "26.05", "compiler_image": "1.dkr.ecr.us-east-1.amazonaws.com/pytorch:mine"}
        found = by_name(Spec.model_validate(spec), builds=1, compiles=True)["compiler image"]
    assert (found.passed, found.text) == (True, "pytorch:mine on ml.g5.xlarge")


def write(tmp_path: Path, endpoint: dict[str, Any], platforms: list[Any]) -> Path:
    path = tmp_path / "spec.yaml"
    model = {"source": "timm", "name": "resnet18"}
    path.write_text(yaml.safe_dump({"model": model, "platforms": platforms, "endpoint": endpoint}))
    return path


def test_the_command(aws: Aws, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["doctor", str(write(tmp_path, BASIC, ["pt"]))], standalone_mode=False)
    assert result.return_value == 0, result.output
    assert len(result.output.splitlines()) == 7
    assert all(line.startswith("pass  ") for line in result.output.splitlines())
    assert cloud.ACCOUNT not in result.output


def test_a_trust_policy_may_have_one_statement_that_is_no_list() -> None:
    policy = trust_policy()
    assert doctor._trusts_sagemaker(policy | {"Statement": policy["Statement"][0]})


def test_policies_name_what_the_spec_uses_and_no_more() -> None:
    spec = Spec.model_validate(BASIC | {"prefix": "team/bench"})
    caller = {statement["Sid"]: statement for statement in caller_policy(spec, builds_engines=False)["Statement"]}
    own = f"arn:aws:sagemaker:us-east-1:{cloud.ACCOUNT}"
    assert caller["Sagemaker"]["Resource"] == [
        f"{own}:model/mmebench-*",
        f"{own}:endpoint-config/mmebench-*",
        f"{own}:endpoint/mmebench-*",
        f"{own}:inference-component/mmebench-*",
        f"{own}:training-job/mmebench-*",
        f"{own}:processing-job/mmebench-*",
    ]
    assert not any(
        f"sagemaker:Create{kind}Job" in caller["Sagemaker"]["Action"] for kind in ("Training", "Processing")
    )
    assert "sagemaker:UpdateEndpoint" not in caller["Sagemaker"]["Action"]
    replacing = caller_policy(spec.model_copy(update={"blue_green": True}), False)["Statement"][0]
    assert "sagemaker:UpdateEndpoint" in replacing["Action"]
    assert "sagemaker:StopProcessingJob" in caller["Sagemaker"]["Action"], "which clean may have to do"
    assert caller["Archives"]["Resource"] == "arn:aws:s3:::models/team/bench/mmebench-*"
    assert caller["PassRole"]["Resource"] == cloud.ROLE
    assert caller["PassRole"]["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    building = caller_policy(spec, builds_engines=True)["Statement"][0]
    assert f"{own}:training-job/mmebench-*" in building["Resource"]
    assert "sagemaker:CreateTrainingJob" in building["Action"]
    processing = caller_policy(spec.model_copy(update={"engine_builder": "processing"}), True)["Statement"][0]
    assert "sagemaker:CreateProcessingJob" in processing["Action"]
    role = {statement["Sid"]: statement for statement in role_policy(spec, builds_engines=True)["Statement"]}
    assert role["Archives"]["Action"] == ["s3:GetObject", "s3:PutObject"]
    assert role["Image"]["Resource"] == "arn:aws:ecr:us-east-1:763104351884:repository/sagemaker-tritonserver"
    mine = spec.model_copy(update={"image": "1.dkr.ecr.us-east-1.amazonaws.com/my/triton@sha256:0123"})
    image = {statement["Sid"]: statement for statement in role_policy(mine, False)["Statement"]}["Image"]
    assert image["Resource"] == "arn:aws:ecr:us-east-1:1:repository/my/triton"
    compiling = spec.model_copy(update={"compiler_image": "1.dkr.ecr.us-east-1.amazonaws.com/pytorch:26.05-py3"})
    images = {statement["Sid"]: statement for statement in role_policy(compiling, True)["Statement"]}["Image"]
    assert images["Resource"] == [
        "arn:aws:ecr:us-east-1:763104351884:repository/sagemaker-tritonserver",
        "arn:aws:ecr:us-east-1:1:repository/pytorch",
    ]
    alias = spec.model_copy(update={"kms_key": f"arn:aws:kms:us-east-1:{cloud.ACCOUNT}:alias/mine"})
    key = {statement["Sid"]: statement for statement in caller_policy(alias, False)["Statement"]}["Key"]
    assert key["Resource"] == f"arn:aws:kms:us-east-1:{cloud.ACCOUNT}:key/*", "an alias stands for a key"
    everything = [statement for statement in (*caller.values(), *role.values()) if statement["Resource"] == "*"]
    assert {statement["Sid"] for statement in everything} == {"Look", "Registry", "Metrics"}


def test_the_policy_allows_every_call_that_a_run_makes() -> None:
    """The names of the operations that the code calls, as IAM knows them."""
    basic = Spec.model_validate(BASIC)
    specs = [basic.model_copy(update={"engine_builder": builder}) for builder in ("training", "processing")]
    specs.append(Spec.model_validate(BASIC | {"hosting": "components", "component": {"memory_per_copy": "1GiB"}}))
    specs.append(Spec.model_validate(BASIC | {"blue_green": True}))
    specs.append(Spec.model_validate(BASIC | {"autoscaling": {"max": 2, "invocations_per_instance": 60}}))
    allowed = {
        action
        for spec in specs
        for statement in caller_policy(spec, True)["Statement"]
        for action in statement["Action"]
    }
    package = Path(doctor.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    client = cloud.client("sagemaker", "http://127.0.0.1:9")
    called = [
        method
        for method in client.meta.method_to_api_mapping
        if f"sagemaker.{method}(" in source or f"client.{method}(" in source
    ]
    assert {"create_endpoint", "describe_training_job", "stop_processing_job", "list_tags"} <= set(called)
    for method in called:
        assert f"sagemaker:{client.meta.method_to_api_mapping[method]}" in allowed
    scaling = cloud.client("application-autoscaling", "http://127.0.0.1:9").meta.method_to_api_mapping
    called = [method for method in scaling if f"autoscaling.{method}(" in source or f"client.{method}(" in source]
    assert {"register_scalable_target", "put_scaling_policy", "deregister_scalable_target"} <= set(called)
    for method in called:
        assert f"application-autoscaling:{scaling[method]}" in allowed


def test_the_policy_command(tmp_path: Path) -> None:
    path = write(tmp_path, BASIC, ["pt", "trt"])
    for holder in ("caller", "role", "trust"):
        result = CliRunner().invoke(cli, ["iam-policy", str(path), "--for", holder])
        assert result.exit_code == 0, result.output
        assert json.loads(result.output)["Version"] == "2012-10-17"
    assert "CreateTrainingJob" in CliRunner().invoke(cli, ["iam-policy", str(path)]).output
