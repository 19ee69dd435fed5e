"""TensorRT engines. There is no GPU here: what trtexec is asked is tested, what it makes is stood in for."""

import json
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
    package_engine,
    trtexec_options,
    with_warmup,
)
from mmebench.models.engine_precision import DETAILED, count_layers, in_words
from mmebench.models.package import Package, package_model
from mmebench.spec import FileModel, LocalEndpoint, PlatformSpec, SageMakerEndpoint
from support.invocations import invoke, runtime_client
from support.platforms import served_as
from support.serving import serving
from support.tiny_models import WIDTH, expected, onnx_archive

IMAGE = TensorSpec(name="input", datatype="FP32", shape=(3, 224, 224))
TEXT = tuple(TensorSpec(name=name, datatype="INT64", shape=(-1,)) for name in ("input_ids", "attention_mask"))
TRT = served_as("trt", max_batch_size=8)

TERSE = "--profilingVerbosity=none"
TRTEXEC = """#!/bin/sh
for argument in "$@"; do
  case "$argument" in
    --onnx=*) model="${argument#--onnx=}" ;;
    --saveEngine=*) plan="${argument#--saveEngine=}" ;;
    --exportLayerInfo=*) layers="${argument#--exportLayerInfo=}" ;;
  esac
done
echo "&&&& RUNNING TensorRT.trtexec [TensorRT v101303] # $*"
test "$*" = --help && exit 0
test -f "$model" || { echo "no model"; exit 3; }
echo "an engine of $model" > "$plan"
echo '{"Layers": [
  {"Name": "conv", "Outputs": [{"Name": "a", "Format/Datatype": "Channel major FP16 format, channel % 8 == 0"}]},
  {"Name": "cast", "Outputs": [{"Name": "y", "Format/Datatype": "Row major linear FP32"}]},
  {"Name": "fc", "Outputs": [{"Name": "b", "Format/Datatype": "Half"}]}], "Bindings": ["x", "y"]}' > "$layers"
"""


@pytest.mark.parametrize(
    ("inputs", "platform", "options"),
    [
        (
            (IMAGE,),
            TRT,
            (
                DETAILED,
                "--minShapes=input:1x3x224x224",
                "--optShapes=input:8x3x224x224",
                "--maxShapes=input:8x3x224x224",
            ),
        ),
        (
            TEXT,
            served_as("trt", precision="fp16", max_batch_size=4),
            (
                "--stronglyTyped",
                DETAILED,
                "--minShapes=input_ids:1x2,attention_mask:1x2",
                "--optShapes=input_ids:4x128,attention_mask:4x128",
                "--maxShapes=input_ids:4x128,attention_mask:4x128",
            ),
        ),
        ((IMAGE.model_copy(update={"shape": (1, 3, 8, 8)}),),
         served_as("trt", max_batch_size=0, trtexec=[TERSE]), (TERSE,)),
    ],
)  # fmt: skip
def test_what_trtexec_is_asked(
    inputs: tuple[TensorSpec, ...], platform: PlatformSpec, options: tuple[str, ...]
) -> None:
    assert trtexec_options(inputs, platform, sequence_length=128, tensorrt=10) == options


@pytest.mark.parametrize(
    ("tensorrt", "exported", "option"),
    [(8, "fp32", "--fp16"), (10, "fp16", "--stronglyTyped"), (11, "fp16", "--stronglyTyped")],
)
def test_who_lowers_the_precision(tensorrt: int, exported: str, option: str, trtexec: Path) -> None:
    """TensorRT 8 where it likes; since 10 it can be the model that says, and 11 has no --fp16 any more."""

    half, builder = served_as("trt", precision="fp16"), LocalBuilder()
    builder.tensorrt = tensorrt
    assert exported_platform(half, builder).precision == exported
    assert trtexec_options((IMAGE,), half, 128, tensorrt)[0] == option
    assert exported_platform(TRT, builder).precision == "fp32"
    assert trtexec_options((IMAGE,), TRT, 128, tensorrt)[0] == DETAILED


@pytest.mark.parametrize(
    ("layers", "counted", "words"),
    [
        ([{"Format/Datatype": "Half"}, {"Format/Datatype": "Row major linear FP32"}, {"Format/Datatype": "Half"}],
         {"fp16": 2, "fp32": 1}, "FP16 in 2 of 3 layers, FP32 in 1"),
        ([{"Format": "kLINEAR", "DataType": "Float"}], {"fp32": 1}, "FP32 in 1 of 1 layers"),
        ([{"Format/Datatype": "Channel major BF16"}, {}], {"bf16": 1}, "BF16 in 1 of 1 layers"),
        ([{"Format/Datatype": "Row major linear INT64"}], {}, "a precision that trtexec did not tell"),
    ],
)  # fmt: skip
def test_what_an_engine_is_made_of(
    layers: list[dict[str, str]], counted: dict[str, int], words: str, tmp_path: Path
) -> None:
    said = {"Layers": [{"Name": "x", "Outputs": [layer]} for layer in layers]}
    (tmp_path / "layers.json").write_text(json.dumps(said))
    assert count_layers(tmp_path / "layers.json") == counted
    assert in_words(counted) == words


@pytest.mark.parametrize(
    "written", ['{"Layers": ["conv", "fc"]}', '{"Layers": [{"Outputs": []}]}', "[]", "Error", None]
)
def test_an_engine_that_is_not_told_of_is_kept(written: str | None, tmp_path: Path) -> None:
    if written is not None:
        (tmp_path / "layers.json").write_text(written)
    assert count_layers(tmp_path / "layers.json") == {}


@pytest.mark.parametrize(("banner", "major"), [("v8601", 8), ("v100001", 10), ("v101303", 10), ("v110400", 11)])
def test_the_version_of_this_machines_tensorrt(banner: str, major: int, trtexec: Path) -> None:
    trtexec.write_text(
        f"#!/bin/sh\necho '&&&& RUNNING TensorRT.trtexec [TensorRT {banner}] # trtexec --help'\nexit 1\n"
    )
    assert LocalBuilder().tensorrt == major


def test_another_program_called_trtexec(trtexec: Path) -> None:
    trtexec.write_text("#!/bin/sh\necho usage\n")
    with pytest.raises(BadInputError, match="does not say its version of TensorRT"):
        LocalBuilder()


def test_the_profile_ends_where_the_batches_do() -> None:
    """Every copy reserves memory for the largest shape of its profile."""
    for size in (1, 8, 64):
        options = trtexec_options((IMAGE,), served_as("trt", max_batch_size=size), 128, 10)
        assert options[-1] == f"--maxShapes=input:{size}x3x224x224"


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
def exported(trtexec: Path, tmp_path: Path) -> Package:
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
    return package_model(model, exported_platform(TRT, LocalBuilder()), tmp_path / "packages")


def test_an_engine_is_built_packaged_and_found_again(exported: Package, trtexec: Path, tmp_path: Path) -> None:
    builder, told = LocalBuilder(), list[str]()
    made = package_engine(exported, TRT, 128, builder, tmp_path / "packages", told.append)
    assert (made.platform, made.precision, made.parity) == ("trt", "fp32", None)
    assert made.details["trtexec"] == [DETAILED, "--minShapes=x:1x4", "--optShapes=x:8x4", "--maxShapes=x:8x4"]
    assert made.details["layers"] == {"fp16": 2, "fp32": 1}
    assert told[-1] == "the engine has FP16 in 2 of 3 layers, FP32 in 1"
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
    builder = LocalBuilder()
    trtexec.write_text("#!/bin/sh\necho 'Error Code 2: OutOfMemory'\nexit 1\n")
    with pytest.raises(MmebenchError, match=r"trtexec ended with exit code 1:\nError Code 2: OutOfMemory"):
        package_engine(exported, TRT, 128, builder, tmp_path / "packages", lambda _: None)
    assert not list((tmp_path / "packages").glob("*-trt-*"))
    trtexec.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(MmebenchError, match="left no engine"):
        package_engine(exported, TRT, 128, builder, tmp_path / "packages", lambda _: None)


def test_an_engine_without_the_precision_asked_for_is_refused(
    exported: Package, trtexec: Path, tmp_path: Path
) -> None:
    trtexec.write_text(TRTEXEC.replace("FP16", "FP32").replace("Half", "Float"))
    half, builder = served_as("trt", precision="fp16"), LocalBuilder()
    with pytest.raises(
        MmebenchError, match=r"fp16 was asked for, .* has FP32 in 3 of 3 layers; model-trt-fp16-.*\.log says why"
    ):
        package_engine(exported, half, 128, builder, tmp_path / "packages", lambda _: None)
    assert not list((tmp_path / "packages").glob("*-trt-*.tar.gz"))
    assert len(list((tmp_path / "packages").glob("*-trt-*.log"))) == 1
    assert package_engine(exported, TRT, 128, builder, tmp_path / "packages", lambda _: None).precision == "fp32"


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
