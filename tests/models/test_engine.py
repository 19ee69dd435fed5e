"""TensorRT engines. There is no GPU here: what trtexec is asked is tested, what it makes is stood in for."""

import os
from pathlib import Path
from typing import Any

import pytest

from mmebench.endpoints.endpoint import CleanUpError
from mmebench.errors import BadInputError, MmebenchError
from mmebench.formats.archive import extract, unpack
from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import parse
from mmebench.models.engine import (
    LocalBuilder,
    check_inputs,
    exported_platform,
    find_builder,
    is_built,
    package_engine,
    trtexec_options,
    with_warmup,
)
from mmebench.models.package import Package, package_model
from mmebench.spec import FileModel, LocalEndpoint, PlatformSpec, SageMakerEndpoint, TimmModel
from support.invocations import invoke, runtime_client
from support.platforms import served_as
from support.serving import serving
from support.tiny_models import WIDTH, expected, onnx_archive

IMAGE = TensorSpec(name="input", datatype="FP32", shape=(3, 224, 224))
TEXT = tuple(TensorSpec(name=name, datatype="INT64", shape=(-1,)) for name in ("input_ids", "attention_mask"))
TRT = served_as("trt", max_batch_size=8)

TRTEXEC = """#!/bin/sh
for argument in "$@"; do
  case "$argument" in
    --onnx=*) model="${argument#--onnx=}" ;;
    --saveEngine=*) plan="${argument#--saveEngine=}" ;;
  esac
done
echo "asked: $*"
test -f "$model" || { echo "no model"; exit 3; }
echo "an engine of $model" > "$plan"
"""


@pytest.mark.parametrize(
    ("inputs", "platform", "options"),
    [
        (
            (IMAGE,),
            TRT,
            (
                "--minShapes=input:1x3x224x224",
                "--optShapes=input:8x3x224x224",
                "--maxShapes=input:8x3x224x224",
            ),
        ),
        (
            TEXT,
            served_as("trt", precision="fp16", max_batch_size=4),
            (
                "--fp16",
                "--minShapes=input_ids:1x2,attention_mask:1x2",
                "--optShapes=input_ids:4x128,attention_mask:4x128",
                "--maxShapes=input_ids:4x128,attention_mask:4x128",
            ),
        ),
        ((IMAGE.model_copy(update={"shape": (1, 3, 8, 8)}),),
         served_as("trt", max_batch_size=0, dynamic_batching=None), ()),
    ],
)  # fmt: skip
def test_what_trtexec_is_asked(
    inputs: tuple[TensorSpec, ...], platform: PlatformSpec, options: tuple[str, ...]
) -> None:
    assert trtexec_options(inputs, platform, sequence_length=128) == options


def test_the_profile_ends_where_the_batches_do() -> None:
    """Every copy reserves memory for the largest shape of its profile."""
    for size in (1, 8, 64):
        options = trtexec_options((IMAGE,), served_as("trt", max_batch_size=size), 128)
        assert options[-1] == f"--maxShapes=input:{size}x3x224x224"


def test_what_needs_to_be_built(tmp_path: Path) -> None:
    named = TimmModel(source="timm", name="resnet18")
    tensors = (TensorSpec(name="x", datatype="FP32", shape=(4,)),)
    ready = FileModel(source="file", path=tmp_path / "m.tar.gz", inputs=tensors, outputs=tensors)
    assert is_built(named, TRT)
    assert not is_built(ready, TRT)
    assert not is_built(named, served_as("onnx"))
    form = exported_platform(served_as("trt", precision="fp16", max_batch_size=2))
    assert (form.kind, form.precision, form.max_batch_size) == ("onnx", "fp32", 2)


def test_the_model_is_warm_when_it_counts_as_loaded() -> None:
    text = """
    platform: "tensorrt_plan" max_batch_size: 4
    input { name: "input_ids" data_type: TYPE_INT64 dims: -1 }
    output { name: "y" data_type: TYPE_FP32 dims: 8 }
    """
    (warmup,) = parse(with_warmup(text, 128), "config.pbtxt").model_warmup
    assert warmup.batch_size == 4
    assert list(warmup.inputs["input_ids"].dims) == [128]
    assert warmup.inputs["input_ids"].zero_data


@pytest.mark.triton
def test_a_real_triton_takes_the_warm_up(tmp_path: Path) -> None:
    """Of an ONNX model, as this machine serves no engine; what is warmed up is Triton's and not the backend's."""
    text = f"""
    backend: "onnxruntime" max_batch_size: 8
    input {{ name: "x" data_type: TYPE_FP32 dims: {WIDTH} }}
    output {{ name: "y" data_type: TYPE_FP32 dims: {WIDTH} }}
    """
    (tmp_path / "store").mkdir()
    onnx_archive(tmp_path / "store" / "a.tar.gz", 4, config=with_warmup(text, 1))
    values = [[1.0, 2.0, 3.0, 4.0]]
    with serving(tmp_path / "store", tmp_path / "log", "--container", "triton") as endpoint:
        assert invoke(runtime_client(endpoint.url), "a.tar.gz", values) == expected(values, 4)


@pytest.fixture
def trtexec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for NVIDIA's, which needs a GPU: it says what it was asked and writes something."""
    program = tmp_path / "bin" / "trtexec"
    program.parent.mkdir()
    program.write_text(TRTEXEC)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


@pytest.fixture
def exported(tmp_path: Path) -> Package:
    """A tiny model as ONNX."""
    archive = onnx_archive(tmp_path / "tiny.tar.gz", 4)
    extract(archive, tmp_path / "plain", 1_000_000)
    tensor = {"datatype": "FP32", "shape": [WIDTH]}
    model = FileModel.model_validate(
        {
            "source": "file",
            "path": tmp_path / "plain" / "tiny" / "1" / "model.onnx",
            "inputs": [{"name": "x"} | tensor],
            "outputs": [{"name": "y"} | tensor],
        }
    )
    return package_model(model, exported_platform(TRT), tmp_path / "packages")


def test_an_engine_is_built_packaged_and_found_again(exported: Package, trtexec: Path, tmp_path: Path) -> None:
    builder, told = LocalBuilder(), list[str]()
    made = package_engine(exported, TRT, 128, builder, tmp_path / "packages", told.append)
    assert (made.platform, made.precision, made.parity) == ("trt", "fp32", None)
    assert made.details["trtexec"] == ["--minShapes=x:1x4", "--optShapes=x:8x4", "--maxShapes=x:8x4"]
    folder = unpack(made.archive, tmp_path / "unpacked", 1_000_000)
    assert (folder / "1" / "model.plan").read_text().startswith("an engine of")
    config = parse((folder / "config.pbtxt").read_text(), "config.pbtxt")
    assert (config.platform, config.max_batch_size, len(config.model_warmup)) == ("tensorrt_plan", 8, 1)
    log = made.archive.with_name(made.archive.name.replace(".tar.gz", ".log")).read_text()
    assert "--maxShapes=x:8x4" in log
    assert made.archive != exported.archive
    again = package_engine(exported, TRT, 128, builder, tmp_path / "packages", told.append)
    assert again == made
    assert told[-1].endswith("is there from an earlier start")
    other = package_engine(
        exported, served_as("trt", precision="fp16"), 128, builder, tmp_path / "packages", told.append
    )
    assert other.archive != made.archive


def test_why_trtexec_failed(exported: Package, trtexec: Path, tmp_path: Path) -> None:
    trtexec.write_text("#!/bin/sh\necho 'Error Code 2: OutOfMemory'\nexit 1\n")
    with pytest.raises(MmebenchError, match=r"trtexec ended with exit code 1:\nError Code 2: OutOfMemory"):
        package_engine(exported, TRT, 128, LocalBuilder(), tmp_path / "packages", lambda _: None)
    assert not list((tmp_path / "packages").glob("*-trt-*"))
    trtexec.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(MmebenchError, match="left no engine"):
        package_engine(exported, TRT, 128, LocalBuilder(), tmp_path / "packages", lambda _: None)


def test_an_engine_is_kept_though_not_everything_of_its_job_is_gone(
    exported: Package, trtexec: Path, tmp_path: Path
) -> None:
    class Untidy(LocalBuilder):
        def build(self, *arguments: Any) -> None:
            super().build(*arguments)
            raise CleanUpError("objects are still there")

    with pytest.raises(CleanUpError, match="objects are still there"):
        package_engine(exported, TRT, 128, Untidy(), tmp_path / "packages", lambda _: None)
    told = list[str]()
    package_engine(exported, TRT, 128, LocalBuilder(), tmp_path / "packages", told.append)
    assert told[-1].endswith("is there from an earlier start")


@pytest.mark.parametrize(
    ("datatype", "of_sagemaker", "refused"),
    [
        ("INT64", {"triton": "23.12"}, True),
        ("INT64", {"triton": "24.05"}, False),
        ("FP32", {"triton": "23.12"}, False),
        ("INT64", {"image": "1.dkr.ecr.us-east-1.amazonaws.com/mine:1"}, False),
    ],
)
def test_what_an_old_tensorrt_cannot_take_is_refused_before_it_is_built(
    exported: Package, datatype: str, of_sagemaker: dict[str, str], refused: bool
) -> None:
    role = "arn:aws:iam::123456789012:role/mmebench"
    endpoint = SageMakerEndpoint.model_validate(
        {"kind": "sagemaker", "instance_type": "ml.g5.xlarge", "role": role, "region": "us-east-1"} | of_sagemaker
    )
    text = exported.model_copy(update={"inputs": (TensorSpec(name="ids", datatype=datatype, shape=(-1,)),)})
    if refused:
        with pytest.raises(
            BadInputError, match=r"got 23\.12; take 24\.05 or later: .* no 64-bit integers, as ids of"
        ):
            check_inputs(text, endpoint)
    else:
        check_inputs(text, endpoint)
    check_inputs(text, LocalEndpoint(kind="local", memory="1GiB"))


def test_who_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadInputError, match="this machine has no trtexec"):
        find_builder(LocalEndpoint())
    remote = SageMakerEndpoint.model_validate(
        {
            "kind": "sagemaker",
            "instance_type": "ml.g5.xlarge",
            "role": "arn:aws:iam::123456789012:role/mmebench",
            "region": "us-east-1",
        }
    )
    assert find_builder(remote).made_with == "ml.g5.xlarge, sagemaker-tritonserver:25.09-py3"
    with pytest.raises(BadInputError, match="this machine has no trtexec"):
        find_builder(remote.model_copy(update={"engine_builder": "local"}))
