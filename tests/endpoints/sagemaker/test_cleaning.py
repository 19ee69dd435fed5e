"""What is a leftover, and what is somebody's: with journals and tags there, and with either gone."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from mmebench.cli import cli
from mmebench.endpoints.endpoint import Staying
from mmebench.endpoints.opener import open_endpoint
from mmebench.endpoints.sagemaker import cleaning, journal
from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.endpoints.sagemaker.cleaning import Cleaning, Place, clean
from mmebench.endpoints.sagemaker.leftovers import find_objects
from mmebench.endpoints.sagemaker.names import Resource, component_prefix, expiry, run_name, tag_list, tags
from mmebench.endpoints.sagemaker.owner import has_ended, this_process
from mmebench.endpoints.sagemaker.requests import (
    component_request,
    components_config_request,
    config_request,
    endpoint_request,
    model_request,
    single_model_request,
)
from mmebench.errors import MmebenchError
from mmebench.spec import SageMakerEndpoint as Spec
from mmebench.wire.target_names import component_of
from support import cloud

pytestmark = pytest.mark.slow

SPEC = Spec.model_validate(cloud.ENDPOINT)
HERE = Place("us-east-1")
EVERYWHERE = Place("us-east-1", ((cloud.BUCKET, "mmebench"),))
ELSEWHERE = "0123456789abcdef/1/1700000000"


@pytest.fixture(scope="module")
def dead() -> str:
    """A process of this machine that is no more."""
    code = "from mmebench.endpoints.sagemaker.owner import this_process; print(this_process())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def leave(account: str, owner: str, *, hours: float, tagged: bool = True, journaled: bool = False) -> str:
    """What a run that was to end in so many hours left; its name."""
    run = run_name(datetime.now(UTC) + timedelta(hours=hours))
    labels = tags(run, owner) if tagged else {}
    url = f"s3://{cloud.BUCKET}/mmebench/{run}/"
    sagemaker, s3 = cloud.client("sagemaker", account), cloud.client("s3", account)
    sagemaker.create_model(**model_request(SPEC, run, f"{url}targets/", labels))
    sagemaker.create_endpoint_config(**config_request(SPEC, run, labels))
    sagemaker.create_endpoint(**endpoint_request(run, labels))
    s3.put_object(Bucket=cloud.BUCKET, Key=f"mmebench/{run}/targets/a.tar.gz", Body=b"a")
    if tagged:
        s3.put_object_tagging(
            Bucket=cloud.BUCKET, Key=f"mmebench/{run}/targets/a.tar.gz", Tagging={"TagSet": tag_list(labels)}
        )
    s3.create_multipart_upload(Bucket=cloud.BUCKET, Key=f"mmebench/{run}/targets/b.tar.gz")
    if journaled:
        written = journal.begin(run, cloud.ACCOUNT)
        for resource in (
            Resource("objects", url, "us-east-1"),
            Resource("model", run, "us-east-1"),
            Resource("endpoint-config", run, "us-east-1"),
            Resource("endpoint", run, "us-east-1"),
            Resource("training-job", run, "us-east-1"),  # in the journal, and never created
        ):
            written.enter(resource)
        written.close()
    return run


def clean_now(place: Place = HERE, older_than: float = 0, dry_run: bool = False) -> Cleaning:
    return clean([place], timedelta(hours=older_than), dry_run, lambda _: None)


def test_with_journal_and_tags(account: str, dead: str) -> None:
    run = leave(account, dead, hours=2, journaled=True)
    done = clean_now()
    assert cloud.everything(account) == []
    assert {resource.run for resource in done.deleted} == {run}
    assert not list(journal.directory().iterdir())
    assert clean_now().deleted == []


def test_without_tags(account: str) -> None:
    leave(account, "", hours=2, tagged=False, journaled=True)
    clean_now()
    assert cloud.everything(account) == []


def test_without_a_journal(account: str, dead: str) -> None:
    leave(account, dead, hours=2)
    clean_now()
    assert cloud.everything(account) == []


@pytest.mark.parametrize("tagged", [True, False])
def test_components_and_endpoints_of_one_model_without_a_journal(account: str, dead: str, tagged: bool) -> None:
    """What is only called after a run may be somebody's own: without tags it stays, and so does what it is on."""
    run = run_name(datetime.now(UTC) + timedelta(hours=-1))
    labels = tags(run, dead) if tagged else {}
    url = f"s3://{cloud.BUCKET}/mmebench/{run}/targets/a.tar.gz"
    sagemaker, one = cloud.client("sagemaker", account), component_of("a.tar.gz", component_prefix(run))
    spec = Spec.model_validate(
        cloud.ENDPOINT | {"hosting": "components", "component": {"memory_per_copy": "1GiB"}}
    )
    sagemaker.create_endpoint_config(**components_config_request(spec, run, labels))
    sagemaker.create_endpoint(**endpoint_request(run, labels))
    sagemaker.create_inference_component(**component_request(spec, one, run, url, labels))
    sagemaker.create_model(**single_model_request(spec, one, url, labels))
    sagemaker.create_endpoint_config(**config_request(spec, one, labels))
    sagemaker.create_endpoint(**endpoint_request(one, labels))
    clean_now()
    left = [f"endpoint {one}", f"config {one}", f"model {one}"]
    assert sorted(cloud.everything(account)) == ([] if tagged else sorted(left))


def test_without_a_journal_and_a_model_archives_are_found_in_the_bucket(account: str, dead: str) -> None:
    run = leave(account, dead, hours=2)
    for noun, name in (
        ("endpoint", "EndpointName"),
        ("endpoint_config", "EndpointConfigName"),
        ("model", "ModelName"),
    ):
        getattr(cloud.client("sagemaker", account), f"delete_{noun}")(**{name: run})
    clean_now()
    assert cloud.everything(account) != []
    clean_now(EVERYWHERE)
    assert cloud.everything(account) == []


@pytest.mark.parametrize(("hours", "gone"), [(2, False), (-1, True)])
def test_without_both_the_name_says_when_it_must_be_over(account: str, hours: float, gone: bool) -> None:
    leave(account, "", hours=hours, tagged=False)
    done = clean_now(EVERYWHERE)
    assert (cloud.everything(account) == []) is gone
    assert all("may go on until" in reason for reason in done.kept.values())


@pytest.mark.parametrize(("hours", "gone"), [(2, False), (-1, True)])
def test_another_machines_run_may_go_on_until_its_expiry(account: str, hours: float, gone: bool) -> None:
    leave(account, ELSEWHERE, hours=hours)
    clean_now(EVERYWHERE)
    assert (cloud.everything(account) == []) is gone


@pytest.mark.slow
def test_what_is_kept_on_purpose_stays_until_it_is_named(account: str, tmp_path: Path) -> None:
    keeping = SPEC.model_copy(update={"keep": True})
    with open_endpoint(keeping, tmp_path, tmp_path / "log") as endpoint:
        assert clean_now(EVERYWHERE).deleted == []
    assert isinstance(endpoint, Staying)
    assert endpoint.stays is not None
    assert f"mmebench clean --run {endpoint.name}" in endpoint.stays
    there = cloud.everything(account)
    assert f"endpoint {endpoint.name}" in there
    done = clean_now(EVERYWHERE)
    assert done.deleted == []
    assert all(f"clean --run {endpoint.name} deletes it now" in reason for reason in done.kept.values())
    assert CliRunner().invoke(cli, ["clean", "--run", "mmebench-20990101t000000z-00000000"]).output == (
        "nothing to delete\n"
    )
    assert cloud.everything(account) == there
    result = CliRunner().invoke(cli, ["clean", "--run", endpoint.name])
    assert f"deleted endpoint {endpoint.name}" in result.output
    assert cloud.everything(account) == []
    assert not list(journal.directory().iterdir())


def test_what_was_kept_is_deleted_when_its_time_is_over(account: str, tmp_path: Path) -> None:
    with open_endpoint(SPEC.model_copy(update={"keep": True}), tmp_path, tmp_path / "log"):
        (path,) = journal.directory().glob("*.jsonl")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], '{"kept_until": "2026-01-01T00:00:00+00:00"}', ""]))
    clean_now()
    assert cloud.everything(account) == []


def test_what_failed_is_not_kept(account: str, tmp_path: Path) -> None:
    def fail() -> None:
        with open_endpoint(SPEC.model_copy(update={"keep": True}), tmp_path, tmp_path / "log"):
            raise MmebenchError("the load broke")

    with pytest.raises(MmebenchError, match="the load broke"):
        fail()
    assert cloud.everything(account) == []


def test_a_live_run_is_left_alone_with_its_journal_and_without(account: str, tmp_path: Path) -> None:
    with open_endpoint(SPEC, tmp_path, tmp_path / "log"):
        before = cloud.everything(account)
        assert clean_now(EVERYWHERE).deleted == []
        (path,) = journal.directory().glob("*.jsonl")
        path.unlink()
        done = clean_now(EVERYWHERE)
        assert done.deleted == []
        assert set(done.kept.values()) == {"a run under way uses it"}
        assert cloud.everything(account) == before
    assert cloud.everything(account) == []


def test_what_is_not_ours_is_left_alone(account: str) -> None:
    sagemaker = cloud.client("sagemaker", account)
    for name in ("production", "mmebench-of-mine"):
        sagemaker.create_model(**model_request(SPEC, name, "s3://models/x/", {}))
    clean_now(EVERYWHERE)
    assert sorted(cloud.everything(account)) == ["model mmebench-of-mine", "model production"]


def test_younger_than_asked_for(account: str, dead: str) -> None:
    leave(account, dead, hours=2, journaled=True)
    leave(account, dead, hours=2)
    before = cloud.everything(account)
    done = clean_now(EVERYWHERE, older_than=1)
    assert cloud.everything(account) == before
    assert set(done.kept.values()) == {"it is younger than that"}


def test_a_dry_run_deletes_nothing(account: str, dead: str) -> None:
    leave(account, dead, hours=2, journaled=True)
    before = cloud.everything(account)
    done = clean_now(EVERYWHERE, dry_run=True)
    assert cloud.everything(account) == before
    assert {resource.kind for resource in done.deleted} >= {"endpoint", "endpoint-config", "model", "objects"}
    assert list(journal.directory().glob("*.jsonl"))


def test_what_is_of_another_account_stays_in_its_journal(
    account: str, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To somebody else's credentials an endpoint is not there, and that is no reason to call it deleted."""
    leave(account, dead, hours=2, journaled=True)
    monkeypatch.setattr(journal, "account_mark", lambda account: "another")
    done = clean_now()
    assert "these credentials are of another account" in done.kept.values()
    assert list(journal.directory().glob("*.jsonl"))


def test_what_cannot_be_looked_at_keeps_nothing_else_from_being_deleted(
    account: str, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Owners are hidden, so that their expiry counts; a model goes while we look at it."""
    leave(account, dead, hours=-1)

    def hidden(**arguments: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "ListTags")

    def gone(**arguments: Any) -> Any:
        raise ClientError(
            {"Error": {"Code": "ValidationException", "Message": "Could not find model"}}, "DescribeModel"
        )

    made = Aws("us-east-1")
    monkeypatch.setattr(made.sagemaker, "list_tags", hidden)
    monkeypatch.setattr(made.sagemaker, "describe_model", gone)
    monkeypatch.setattr(cleaning, "Aws", lambda region, profile=None: made)
    done = clean_now()
    assert {resource.kind for resource in done.deleted} == {"endpoint", "endpoint-config", "model"}
    assert [name.partition(" ")[0] for name in cloud.everything(account)] == ["object", "upload"]


def test_a_folder_that_is_emptied_while_we_look(account: str, dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(account, dead, hours=2)
    made = Aws("us-east-1")
    real = made.s3.list_objects_v2
    monkeypatch.setattr(made.s3, "list_objects_v2", lambda **arguments: {**real(**arguments), "Contents": []})
    assert list(find_objects(made, cloud.BUCKET, "mmebench", datetime.now(UTC))) == []


@pytest.mark.slow
def test_the_command(account: str, dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = leave(account, dead, hours=2)
    runner = CliRunner()
    dry = runner.invoke(cli, ["clean", "--dry-run"])
    assert dry.exit_code == 0
    assert f"would delete endpoint {run} (us-east-1)" in dry.output

    with monkeypatch.context() as patched:
        patched.setattr(
            "mmebench.endpoints.sagemaker.deletion.list_versions",
            lambda *_: (_ for _ in ()).throw(aws_refusal()),
        )
        partly = runner.invoke(cli, ["clean"], standalone_mode=False)
    assert partly.return_value == 4
    assert "is still there" in partly.output
    assert [name.partition(" ")[0] for name in cloud.everything(account)] == ["object"]
    assert runner.invoke(cli, ["clean"]).exit_code == 0, "its model is gone, so that nobody knows of the archive"
    assert cloud.everything(account) != []


def aws_refusal() -> Exception:
    from mmebench.endpoints.sagemaker.aws import aws_error

    return aws_error("list", "AccessDenied", "no")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--older-than", "soon"], "--older-than: got 'soon'; write a duration as"),
        (["nothing.yaml"], r"nothing.yaml: No such file"),
    ],
)
def test_bad_input(account: str, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["clean", *arguments])
    assert message in str(result.exception)


def test_a_name_says_when_it_must_be_over() -> None:
    expires = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    name = run_name(expires)
    assert name.startswith("mmebench-20260102t030405z-")
    assert len(name) <= 50, "a job adds to it, and 63 is the most"
    assert expiry(name) == expires
    assert Resource("objects", f"s3://b/x/{name}/", "us-east-1").run == name
    assert Resource("objects", f"s3://b/x/{name}-keep/", "us-east-1").run is None, "a copy that somebody made"
    assert expiry("mmebench-of-mine") is None
    assert name != run_name(expires)


def test_who_still_lives(dead: str) -> None:
    assert has_ended(this_process()) is False
    assert has_ended(dead) is True
    assert has_ended(ELSEWHERE) is None
    assert has_ended("nonsense") is None
    machine, number, _ = this_process().split("/")
    assert has_ended(f"{machine}/{number}/1700000000") is True, "another process had that number"
