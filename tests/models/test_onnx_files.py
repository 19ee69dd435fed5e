"""ONNX files of the user's own: what the spec says of them, held against what they are."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mmebench.formats.archive import unpack
from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import parse
from mmebench.models.package import package_model
from mmebench.spec import FileModel, PlatformSpec

pytestmark = pytest.mark.export

ONNX, ONNX_FP16, OPENVINO = (
    PlatformSpec.model_validate(wanted) for wanted in ("onnx", {"kind": "onnx", "precision": "fp16"}, "openvino")
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
    constants = {
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
