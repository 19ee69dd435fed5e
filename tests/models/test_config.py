import pytest

from mmebench.benchmark.wanted import foresee
from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import ModelConfig, parse, served_by
from mmebench.models.config import make_config, template
from mmebench.models.model import Task
from mmebench.spec import DynamicBatching, Onnx, PlatformSpec, platform_kind
from mmebench.spec.reading import read_spec
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


def test_more_of_a_config_is_put_into_it() -> None:
    more = """
    optimization { graph { level: 1 } }
    dynamic_batching { priority_levels: 2 default_priority_level: 1 }
    parameters { key: "intra_op_thread_count" value { string_value: "2" } }
    """
    platform = Onnx(max_batch_size=4, config=more)
    config = parse(make_config(platform, "cv", [IMAGE], [CLASSES]), "config.pbtxt")
    assert config.optimization.graph.level == 1
    assert (config.dynamic_batching.priority_levels, config.max_batch_size) == (2, 4)
    assert config.parameters["intra_op_thread_count"].string_value == "2"
    assert config.instance_group[0].count == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimisation { }", r"config:1:\d+: .*optimisation"),
        ("max_batch_size: 3", "config: got max_batch_size, which has a field of its own; leave it out"),
        ("instance_group { count: 2 }", "config: got instance_group, for which there are instances and device"),
    ],
)
def test_what_a_config_says_already_or_triton_does_not_know_is_refused(text: str, message: str) -> None:
    fields = {"model": {"source": "timm", "name": "x"}, "platforms": {"kind": "onnx", "config": text}}
    with pytest.raises(BadInputError, match=message):
        read_spec(fields, "test")


def test_what_backends_here_ignore_is_said() -> None:
    more = 'optimization { graph { level: 1 } } parameters { key: "x" value { string_value: "1" } }'
    spec = read_spec(
        {"model": {"source": "timm", "name": "x"}, "platforms": {"kind": "onnx", "config": more}}, "test"
    )
    assert [line.partition(" is ignored")[0] for line in foresee(spec)] == [
        "onnx: config: optimization",
        "onnx: config: parameters x",
    ]
    own = spec.endpoint.model_copy(update={"container": "http://127.0.0.1:1"})
    assert foresee(spec.model_copy(update={"endpoint": own})) == [], "a Triton of NVIDIA's knows them"
