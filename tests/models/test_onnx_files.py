"""ONNX files of the user's own: what the spec says of them, held against what they are."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from mmebench.errors import BadInputError
from mmebench.formats.archive import unpack
from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import parse
from mmebench.models.example import Array
from mmebench.models.external_data import external_files
from mmebench.models.package import package_model
from mmebench.models.platforms.onnx import runner
from mmebench.spec import FileModel, PlatformSpec
from support.platforms import served_as

pytestmark = pytest.mark.export

ONNX, ONNX_FP16, OPENVINO = (
    served_as(wanted) for wanted in ("onnx", {"kind": "onnx", "precision": "fp16"}, "openvino")
)

IMAGE = TensorSpec(name="image", datatype="FP32", shape=(16,))
CATEGORY = TensorSpec(name="category", datatype="INT64", shape=(1,), fill="integers", high=10)
EMBEDDING = TensorSpec(name="embedding", datatype="FP32", shape=(4,))
SCORES = TensorSpec(name="scores", datatype="FP32", shape=(4,))


def mine(path: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> FileModel:
    return FileModel(source="file", path=path, inputs=inputs, outputs=outputs)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two inputs and two outputs, each of its own type or range."""
    random = np.random.default_rng(0)
    constants: dict[str, Array] = {
        "w": random.standard_normal((16, 4)).astype(np.float32),
        "e": random.standard_normal((10, 4)).astype(np.float32),
        "axis": np.array([1], np.int64),
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["image", "w"], ["a"]),
            helper.make_node("Gather", ["e", "category"], ["rows"]),
            helper.make_node("ReduceSum", ["rows", "axis"], ["b"], keepdims=0),
            helper.make_node("Add", ["a", "b"], ["embedding"]),
            helper.make_node("Softmax", ["embedding"], ["scores"], axis=1),
        ],
        "two",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 16]),
            helper.make_tensor_value_info("category", TensorProto.INT64, ["n", 1]),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("embedding", "scores")],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    path = tmp_path_factory.mktemp("two") / "two.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize("platform", [ONNX, ONNX_FP16, OPENVINO], ids=["onnx", "onnx-fp16", "openvino"])
@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ((CATEGORY, IMAGE), (EMBEDDING, SCORES)),
        ((IMAGE, CATEGORY), (SCORES, EMBEDDING)),
        ((IMAGE, CATEGORY), (SCORES,)),
    ],
    ids=["inputs-turned", "outputs-turned", "one-output"],
)
def test_names_count_and_not_the_order(
    platform: PlatformSpec,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    two: Path,
    tmp_path: Path,
) -> None:
    package = package_model(mine(two, inputs, outputs), platform, tmp_path / "p")
    config = parse((unpack(package.archive, tmp_path / "m", 10**6) / "config.pbtxt").read_text(), "config.pbtxt")
    assert [item.name for item in config.input] == [tensor.name for tensor in inputs]
    assert [item.name for item in config.output] == [tensor.name for tensor in outputs]
    assert (package.parity is None) == (platform is ONNX)


def refusal(model: FileModel, platform: PlatformSpec, directory: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        package_model(model, platform, directory)
    return str(caught.value)


Shapes = dict[str, list[str | int]]


def save(path: Path, nodes: list[onnx.NodeProto], inputs: Shapes, outputs: Shapes, **constants: Array) -> Path:
    """A graph of float tensors; ``inputs`` and ``outputs`` are shapes by name."""
    taken, given = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in tensors.items()]
        for tensors in (inputs, outputs)
    )
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "small", taken, given, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


X = TensorSpec(name="x", datatype="FP32", shape=(4,))
Y = TensorSpec(name="y", datatype="FP32", shape=(4,))


@pytest.mark.parametrize("platform", [ONNX, ONNX_FP16, OPENVINO], ids=["onnx", "onnx-fp16", "openvino"])
def test_a_fixed_batch_is_found_before_anything_is_served(platform: PlatformSpec, tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    described = mine(save(tmp_path / "a.onnx", [node], {"x": [1, 4]}, {"y": [1, 4]}), (X,), (Y,))
    said = refusal(described, platform, tmp_path / "p")
    assert "the batch is fixed at 1 in input x [1, 4]; set max_batch_size: 0" in said


def test_a_batch_that_only_the_computation_fixes_is_found_too(tmp_path: Path) -> None:
    node = helper.make_node("Reshape", ["x", "shape"], ["one"])
    again = [helper.make_node("Shape", ["x"], ["all"]), helper.make_node("Expand", ["one", "all"], ["y"])]
    free: tuple[Shapes, Shapes] = {"x": ["n", 4]}, {"y": ["n", 4]}
    wrong = save(tmp_path / "a.onnx", [node, *again], *free, shape=np.array([1, 4]))
    said = refusal(mine(wrong, (X,), (Y,)), ONNX, tmp_path / "p")
    assert "running it on two rows failed" in said
    assert "where it takes no batches, set max_batch_size: 0" in said
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    joined = save(tmp_path / "b.onnx", [node], {"x": ["n", 4]}, {"y": ["m", 8]}, shape=np.array([-1, 8]))
    said = refusal(mine(joined, (X,), (Y.model_copy(update={"shape": (8,)}),)), ONNX, tmp_path / "p")
    assert "for a batch of 2 it gives y [1, 8]; set max_batch_size: 0" in said


def test_a_file_without_batches_is_packaged_as_told(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    path = save(tmp_path / "a.onnx", [node], {"x": [1, 4]}, {"y": [1, 4]})
    whole = [tensor.model_copy(update={"shape": (1, 4)}) for tensor in (X, Y)]
    platform = served_as({"kind": "onnx", "max_batch_size": 0})
    package = package_model(mine(path, (whole[0],), (whole[1],)), platform, tmp_path / "p")
    assert (package.max_batch_size, package.dynamic_batching) == (0, False)


def test_one_number_a_row_is_written_as_triton_writes_it(tmp_path: Path) -> None:
    node = helper.make_node("ReduceSum", ["x", "axis"], ["y"], keepdims=0)
    path = save(tmp_path / "a.onnx", [node], {"x": ["n", 4]}, {"y": ["n"]}, axis=np.array([1]))
    number = Y.model_copy(update={"shape": ()})
    package = package_model(mine(path, (X,), (number,)), ONNX, tmp_path / "p")
    config = parse((unpack(package.archive, tmp_path / "m", 10**6) / "config.pbtxt").read_text(), "config.pbtxt")
    (output,) = config.output
    assert (list(output.dims), output.HasField("reshape"), list(output.reshape.shape)) == ([1], True, [])
    assert not config.input[0].HasField("reshape")
    assert package.outputs == (number,)


def external(tensor: onnx.TensorProto, path: Path, name: str) -> onnx.TensorProto:
    """``tensor`` with its bytes in the file ``name`` beside the model."""
    file = path.parent / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(tensor.raw_data)
    set_external_data(tensor, name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    return tensor


def scattered(path: Path) -> Path:
    """y = x * 1 * 2 * 3, with each constant in a file of its own: an initialiser's, an attribute's, a branch's."""

    def constant(value: float, name: str, file: str) -> onnx.TensorProto:
        array = np.full(4, value, np.float32)
        return external(numpy_helper.from_array(array, name), path, file)

    branch = helper.make_graph(
        [helper.make_node("Mul", ["doubled", "three"], ["tripled"])],
        "branch",
        [],
        [helper.make_tensor_value_info("tripled", TensorProto.FLOAT, ["n", 4])],
        [constant(3, "three", "branches/three.bin")],
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["doubled"], ["kept"])],
        "other",
        [],
        [helper.make_tensor_value_info("kept", TensorProto.FLOAT, ["n", 4])],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "one"], ["same"]),
            helper.make_node("Constant", [], ["two"], value=constant(2, "two", "two.weights")),
            helper.make_node("Mul", ["same", "two"], ["doubled"]),
            helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=other),
        ],
        "scattered",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [constant(1, "one", "deep/er/one.bin"), numpy_helper.from_array(np.array(True), "yes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("platform", [ONNX, ONNX_FP16], ids=["onnx", "onnx-fp16"])
def test_weights_come_along_wherever_they_lie(platform: PlatformSpec, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    path = scattered(tmp_path / "mine" / "scattered.onnx")
    assert external_files(path) == ("branches/three.bin", "deep/er/one.bin", "two.weights")
    package = package_model(mine(path, (X,), (Y,)), platform, tmp_path / "p")
    assert package.details["model_bytes"] > path.stat().st_size
    folder = unpack(package.archive, tmp_path / "m", 10**6) / "1"
    (result,) = runner(folder / "model.onnx", (X,), (Y,))([np.ones((2, 4), np.float32)])
    assert (result == 6).all()


def test_weights_that_change_make_another_package(tmp_path: Path) -> None:
    path = scattered(tmp_path / "scattered.onnx")
    first = package_model(mine(path, (X,), (Y,)), ONNX, tmp_path / "p")
    (tmp_path / "deep" / "er" / "one.bin").write_bytes(np.full(4, 5, np.float32).tobytes())
    assert package_model(mine(path, (X,), (Y,)), ONNX, tmp_path / "p").sha256 != first.sha256


def test_weights_outside_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "a.onnx"
    node = helper.make_node("Mul", ["x", "w"], ["y"])
    weights = external(numpy_helper.from_array(np.ones(4, np.float32), "w"), path, "../secret.bin")
    described = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("x", "y")]
    graph = helper.make_graph([node], "a", described[:1], described[1:], [weights])
    path.write_bytes(helper.make_model(graph).SerializeToString())
    said = refusal(mine(path, (X,), (Y,)), ONNX, tmp_path / "p")
    assert "said to be in ../secret.bin; put them beside the model" in said


def test_a_model_of_the_machine_learning_operators_alone(tmp_path: Path) -> None:
    node = helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml", offset=[1.0] * 4, scale=[2.0] * 4)
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("x", "y")]
    graph = helper.make_graph([node], "scaler", tensors[:1], tensors[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("ai.onnx.ml", 3)], ir_version=8)
    onnx.save(model, tmp_path / "scaler.onnx")
    package = package_model(mine(tmp_path / "scaler.onnx", (X,), (Y,)), ONNX, tmp_path / "p")
    assert (package.details["opset"], package.details["other_opsets"]) == (None, {"ai.onnx.ml": 3})


def test_a_config_that_triton_would_not_load_is_not_kept(tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    path = save(tmp_path / "a.onnx", [node], {"x": ["n", 0]}, {"y": ["n", 0]})
    empty = [tensor.model_copy(update={"shape": (0,)}) for tensor in (X, Y)]
    said = refusal(mine(path, (empty[0],), (empty[1],)), ONNX, tmp_path / "p")
    assert "input 'x' has dims [0]" in said
    assert list((tmp_path / "p").iterdir()) == []
