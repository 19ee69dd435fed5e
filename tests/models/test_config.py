import pytest

from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import ModelConfig, parse, served_by
from mmebench.models.config import make_config, template
from mmebench.models.model import Task
from mmebench.spec import DynamicBatching, PlatformSpec, platform_kind
from support.platforms import served_as

IMAGE = TensorSpec(name="image", datatype="FP32", shape=(3, 32, 32))
WORDS = TensorSpec(name="words", datatype="BYTES", shape=(-1,))
CLASSES = TensorSpec(name="classes", datatype="FP16", shape=(10,))


def config(platform: PlatformSpec, task: Task = "cv") -> ModelConfig:
    return parse(make_config(platform, task, [IMAGE, WORDS], [CLASSES]), "config.pbtxt")


@pytest.mark.parametrize("task", ["cv", "nlp"])
@pytest.mark.parametrize("platform", ["pt", "pt2", "onnx", "openvino", "trt"])
def test_templates_are_good_configs_as_they_are(platform: str, task: Task) -> None:
    shipped = template(served_as(platform), task)
    assert platform_kind(served_by(shipped)) == platform
    assert shipped.max_batch_size == 8
    assert shipped.input
    assert shipped.output
    assert shipped.HasField("dynamic_batching")
    assert not shipped.name


@pytest.mark.parametrize(
    ("platform", "field", "value"),
    [
        ("pt", "platform", "pytorch_libtorch"),
        ("pt2", "platform", "torch_aoti"),
        ("pt2", "backend", "pytorch"),
        ("onnx", "backend", "onnxruntime"),
        ("openvino", "backend", "openvino"),
        ("trt", "platform", "tensorrt_plan"),
    ],
)
def test_each_platform_names_its_server(platform: str, field: str, value: str) -> None:
    made = config(served_as(platform))
    assert getattr(made, field) == value
    assert not made.name


def test_tensors_are_the_models() -> None:
    made = config(served_as("onnx"))
    assert [(item.name, list(item.dims)) for item in made.input] == [("image", [3, 32, 32]), ("words", [-1])]
    assert [item.data_type for item in (*made.input, *made.output)] == [11, 13, 10]  # FP32, STRING, FP16


def test_options_of_the_spec_arrive() -> None:
    batching = DynamicBatching(preferred=(2, 4), max_queue_delay=0.0015)
    made = config(served_as("onnx", max_batch_size=4, instances=3, device="cpu", dynamic_batching=batching), "nlp")
    assert made.max_batch_size == 4
    assert list(made.dynamic_batching.preferred_batch_size) == [2, 4]
    assert made.dynamic_batching.max_queue_delay_microseconds == 1500
    (group,) = made.instance_group
    assert (group.count, group.kind) == (3, group.KIND_CPU)


def test_batching_can_be_off() -> None:
    made = config(served_as("onnx", max_batch_size=0, dynamic_batching=None))
    assert made.max_batch_size == 0
    assert not made.HasField("dynamic_batching")


def test_instances_are_on_the_gpu_unless_told_except_openvinos() -> None:
    (group,) = config(served_as("pt")).instance_group
    assert group.kind == group.KIND_GPU
    (group,) = config(served_as("openvino")).instance_group
    assert group.kind == group.KIND_CPU
