"""The parts of a benchmark on SageMaker, over moto: an engine is built by a job before its endpoint comes up."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmebench.benchmark.parts import Part, find_parts, open_part
from mmebench.benchmark.spending import Spending
from mmebench.benchmark.wanted import find_wanted
from mmebench.endpoints.sagemaker import build_job as jobs
from mmebench.errors import BadInputError
from mmebench.formats.archive import extract, unpack
from mmebench.spec import Objectives, Spec, Workload
from support import cloud
from support.tiny_models import WIDTH, onnx_archive
from support.watching import Watcher

JOB = "mmebench-20991231t235959z-1a2b3c4d"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    with cloud.moto_server() as url:
        cloud.reset(url)
        for name, value in cloud.environment(url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        yield url


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    extract(onnx_archive(tmp_path / "tiny.tar.gz", 4), tmp_path / "plain", 1_000_000)
    tensor = {"datatype": "FP32", "shape": [WIDTH]}
    return Spec.model_validate(
        {
            "model": {
                "source": "file",
                "path": tmp_path / "plain" / "tiny" / "1" / "model.onnx",
                "inputs": [{"name": "x"} | tensor],
                "outputs": [{"name": "y"} | tensor],
            },
            "platforms": [{"kind": "trt", "precision": "fp16"}, "onnx"],
            "endpoint": {
                "kind": "sagemaker",
                "instance_types": ["ml.g4dn.xlarge", "ml.g5.xlarge"],
                "role": cloud.ROLE,
                "region": "us-east-1",
                "bucket": cloud.BUCKET,
                "prices": {"ml.g4dn.xlarge": 0.75, "ml.g5.xlarge": 1.5},
            },
        }
    )


def engine() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("model.plan", "trtexec.log", "layers.json"):
            entry = tarfile.TarInfo(name)
            entry.size = 6
            tar.addfile(entry, io.BytesIO(b"engine"))
    return packed.getvalue()


def test_objectives_decide_what_is_measured_where_stages_follow_from_them(
    account: str, spec: Spec, tmp_path: Path
) -> None:
    def fingerprints(profile: object, p99: float) -> set[str]:
        workload = Workload.model_validate({"profile": profile})
        wanted = find_wanted(spec.model_copy(update={"workload": workload, "objectives": Objectives(p99=p99)}))
        parts = list(find_parts(wanted, tmp_path / "results", Watcher(), lambda directory: None))
        return {part.fingerprint for part in parts if isinstance(part, Part)}

    for profile, follow in (([{"users": 1}], False), ("auto", True), ({"search": {}}, True)):
        assert (fingerprints(profile, 0.1) != fingerprints(profile, 0.2)) is follow


@pytest.mark.slow
def test_an_engine_is_built_where_it_will_be_served(
    account: str, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto's job does nothing: what it would have left is put there before."""
    monkeypatch.setattr(jobs, "run_name", lambda _: JOB)
    key = f"mmebench/{JOB}/built/{JOB}/output/model.tar.gz"
    cloud.client("s3", account).put_object(Bucket=cloud.BUCKET, Key=key, Body=engine())
    results = tmp_path / "results"
    spending = Spending()
    found = find_parts(find_wanted(spec), results, Watcher(), lambda directory: None)
    parts = [part for part in found if isinstance(part, Part)]
    assert [part.label for part in parts] == [
        "trt-fp16 on ml.g4dn.xlarge",
        "onnx on ml.g4dn.xlarge",
        "trt-fp16 on ml.g5.xlarge",
        "onnx on ml.g5.xlarge",
    ]
    assert len({part.fingerprint for part in parts}) == 4
    assert [part.price.usd_per_hour for part in parts if part.price] == [0.75, 0.75, 1.5, 1.5]
    opened = open_part(parts[0], results, tmp_path, spending, Watcher(), lambda: None)
    with opened.endpoint as endpoint:
        assert endpoint.instance_type == "ml.g4dn.xlarge"
        (kind,) = opened.kinds
        package = kind.package
        assert 0 < (spending.so_far() or 0) < 0.01, "a few seconds of $0.75 an hour"
        assert (package.platform, package.precision) == ("trt", "fp16")
        assert package.details["built_with"] == "ml.g4dn.xlarge, sagemaker-tritonserver:25.09-py3"
        folder = unpack(package.archive, tmp_path / "unpacked", 1_000_000)
        assert (folder / "1" / "model.plan").read_bytes() == b"engine"
        assert "tensorrt_plan" in (folder / "config.pbtxt").read_text()
        (log,) = (results / ".packages").rglob("*.log")
        assert log.read_bytes() == b"engine"
        job = cloud.client("sagemaker", account).describe_training_job(TrainingJobName=JOB)
        assert job["ResourceConfig"]["InstanceType"] == "ml.g4dn.xlarge"
        model = cloud.client("sagemaker", account).describe_model(ModelName=endpoint.name)
        assert job["AlgorithmSpecification"]["TrainingImage"] == model["PrimaryContainer"]["Image"]
        assert not [name for name in cloud.everything(account) if JOB in name], "all of the job's is gone"
    assert cloud.everything(account) == []


def test_a_budget_counts_every_endpoint_and_every_engine(account: str, spec: Spec, tmp_path: Path) -> None:
    # Two endpoints for 2 hours, and an hour for an engine: 5 hours at $0.75 and $1.50.
    small = spec.model_copy(update={"endpoint": spec.endpoint.model_copy(update={"budget": 11.0})})
    with pytest.raises(BadInputError, match=r"\$11\.00 is less than the \$11\.25"):
        next(find_parts(find_wanted(small), tmp_path / "results", Watcher(), lambda directory: None))


@pytest.mark.slow
def test_a_fleet_has_an_engine_for_each_of_its_models_that_takes_one(
    account: str, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "run_name", lambda _: JOB)
    key = f"mmebench/{JOB}/built/{JOB}/output/model.tar.gz"
    cloud.client("s3", account).put_object(Bucket=cloud.BUCKET, Key=key, Body=engine())
    assert spec.model is not None
    models = {"fast": {"model": spec.model, "platform": "trt"}, "plain": {"model": spec.model, "platform": "onnx"}}
    fleet = Spec.model_validate({"models": models, "name": "shop", "endpoint": spec.endpoint})
    results = tmp_path / "results"
    found = find_parts(find_wanted(fleet), results, Watcher(), lambda directory: None)
    parts = [part for part in found if isinstance(part, Part)]
    assert [part.label for part in parts] == ["shop on ml.g4dn.xlarge", "shop on ml.g5.xlarge"]
    assert {part.directory for part in parts} == {results / "shop"}
    opened = open_part(parts[0], results, tmp_path, Spending(), Watcher(), lambda: None)
    with opened.endpoint:
        assert [(kind.name, kind.package.platform) for kind in opened.kinds] == [
            ("fast", "trt"),
            ("plain", "onnx"),
        ]
        folders = [kind.package.archive.parent for kind in opened.kinds]
        assert len(set(folders)) == 2, "what differs in an option only is not the same archive"
