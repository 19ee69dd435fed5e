"""Triton configs: each mistake with its line, and nothing lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2 as triton

from mmebench.errors import BadInputError
from mmebench.formats.triton_config import BACKENDS, ModelConfig, on_cpu, parse, parse_partial, render, served_by
from mmebench.spec import platform_kind

GOOD = """\
# a classifier
backend: "onnxruntime"
max_batch_size: 8
input [ { name: "x" data_type: TYPE_FP32 dims: [ 3, 224, 224 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 1000 ] } ]
instance_group [ { count: 2 kind: KIND_GPU gpus: [ 0 ] } ]
"""


def refusal(text: str) -> str:
    with pytest.raises(BadInputError) as caught:
        parse(text, "config.pbtxt")
    return str(caught.value)


def test_a_good_config_is_read() -> None:
    config = parse(GOOD, "config.pbtxt")
    assert config.max_batch_size == 8
    assert list(config.input[0].dims) == [3, 224, 224]
    assert config.output[0].data_type == triton.TYPE_FP32


def test_a_byte_order_mark_is_no_text() -> None:
    assert parse("\ufeff" + GOOD, "config.pbtxt") == parse(GOOD, "config.pbtxt")


def test_a_backend_of_one_s_own() -> None:
    assert parse(GOOD.replace("onnxruntime", "in_house"), "config.pbtxt").backend == "in_house"


def test_what_leaves_things_out_can_be_read() -> None:
    assert parse_partial("max_batch_size: 2", "config.pbtxt").max_batch_size == 2
    with pytest.raises(BadInputError, match=r"^config\.pbtxt:1:1: "):
        parse_partial("max_batch_sise: 2", "config.pbtxt")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max_batch_size: 8", "max_batch_sise: 8", "config.pbtxt:3:1: "),
        ("max_batch_size: 8", 'max_batch_size: "eight"', "config.pbtxt:3:17: "),
        ("TYPE_FP32 dims: [ 1000 ]", "TYPE_FLOAT dims: [ 1000 ]", "config.pbtxt:5:33: "),
        ("max_batch_size: 8", "max_batch_size: 8 max_batch_size: 8", "config.pbtxt:3:35: "),
        ("instance_group [", "instance_group [ [", "config.pbtxt:6:18: "),
        (
            "max_batch_size: 8",
            "max_batch_size: -1",
            "config.pbtxt:3:1: max_batch_size is -1; 0 or more is allowed",
        ),
        ('"onnxruntime"', '"onnxruntim"', "config.pbtxt:2:1: unknown backend 'onnxruntim'"),
        ('"onnxruntime"', '"onnxruntim"', "did you mean onnxruntime?"),
        ('backend: "onnxruntime"', 'platform: "pytorch"', "config.pbtxt:2:1: unknown platform 'pytorch'"),
        ('backend: "onnxruntime"', "", "config.pbtxt: it names no server for the model"),
        ('output [ { name: "y" data_type: TYPE_FP32 dims: [ 1000 ] } ]', "", "config.pbtxt: it has no output"),
        ("dims: [ 1000 ]", "dims: [ 0 ]", "config.pbtxt:5:12: output 'y' has dims [0]"),
        ("dims: [ 3, 224, 224 ]", "dims: [ 3, -2, 224 ]", "config.pbtxt:4:11: input 'x' has dims [3, -2, 224]"),
        ("dims: [ 1000 ]", "", "config.pbtxt:5:12: output 'y' has no dims"),
        ('"x" data_type: TYPE_FP32', '"x"', "config.pbtxt:4:11: input 'x' has no data_type"),
        ('name: "y" ', "", "config.pbtxt:5:1: output 1 has no name"),
        ("} ]\noutput", '}, { name: "x" data_type: TYPE_BOOL dims: 1 } ]\noutput', "two inputs are named 'x'"),
        (
            "instance_group",
            "dynamic_batching { preferred_batch_size: 9 }\ninstance_group",
            ":6:20: preferred_batch_",
        ),
    ],
)
def test_a_mistake_comes_with_its_line(old: str, new: str, message: str) -> None:
    assert old in GOOD
    assert message in refusal(GOOD.replace(old, new, 1))


def test_all_mistakes_are_listed() -> None:
    text = GOOD.replace("max_batch_size: 8", "max_batch_size: -1").replace("[ 1000 ]", "[ 0 ]")
    assert len(refusal(text).splitlines()) == 2


def test_a_comment_is_not_a_place() -> None:
    text = GOOD.replace("# a classifier", "# max_batch_size: 8").replace(
        "\nmax_batch_size: 8", "\nmax_batch_size: -1"
    )
    assert refusal(text).startswith("config.pbtxt:3:1:")


@pytest.mark.parametrize(
    ("line", "platform"),
    [
        ('backend: "onnxruntime"', "onnx"),
        ('platform: "onnxruntime_onnx"', "onnx"),
        ('platform: "pytorch_libtorch"', "pt"),
        ('backend: "openvino"', "openvino"),
        ('platform: "tensorrt_plan"', "trt"),
        ('platform: "tensorflow_savedmodel"', "tensorflow_savedmodel"),
        ('backend: "python"', "python"),
        ('platform: "ensemble"', "ensemble"),
    ],
)
def test_what_specs_call_it(line: str, platform: str) -> None:
    config = parse(GOOD.replace('backend: "onnxruntime"', line), "config.pbtxt")
    assert platform_kind(served_by(config)) == platform


def test_on_cpu_moves_instances_and_keeps_the_rest() -> None:
    config = parse(
        GOOD + 'optimization { execution_accelerators { gpu_execution_accelerator: [ { name: "tensorrt" } ] } }',
        "c",
    )
    moved = on_cpu(config)
    assert moved.instance_group[0].kind == triton.ModelInstanceGroup.KIND_CPU
    assert moved.instance_group[0].count == 2
    assert not moved.instance_group[0].gpus
    assert not moved.optimization.execution_accelerators.gpu_execution_accelerator
    assert list(moved.input) == list(config.input)
    assert config.instance_group[0].kind == triton.ModelInstanceGroup.KIND_GPU


def test_on_cpu_of_a_cpu_config_changes_nothing() -> None:
    config = parse(GOOD.replace("KIND_GPU gpus: [ 0 ]", "KIND_CPU"), "c")
    assert on_cpu(config) == config


def tensors() -> st.SearchStrategy[list[dict[str, object]]]:
    tensor = st.fixed_dictionaries(
        {
            "name": st.text(min_size=1, max_size=8),
            "data_type": st.integers(1, 13),
            "dims": st.lists(st.one_of(st.just(-1), st.integers(1, 2**40)), min_size=1, max_size=4),
        }
    )
    return st.lists(tensor, min_size=1, max_size=3, unique_by=lambda t: str(t["name"]))


@st.composite
def configs(draw: st.DrawFn) -> ModelConfig:
    config = triton.ModelConfig(
        backend=draw(st.sampled_from(BACKENDS)),
        max_batch_size=draw(st.integers(0, 1024)),
        input=draw(tensors()),
        output=draw(tensors()),
    )
    config.instance_group.add(count=draw(st.integers(0, 8)), kind=draw(st.integers(0, 4)))
    for key, value in draw(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)).items():
        config.parameters[key].string_value = value
    return config


@given(configs())
def test_round_trip(config: ModelConfig) -> None:
    assert parse(render(config), "config.pbtxt") == config
