"""Tensors and refusals of models, the same in Triton and in the Python fallback."""

from pathlib import Path
from typing import Any

import pytest
import torch
from onnx import TensorProto, helper

from mmebench.endpoints.local import LocalEndpoint
from support.invocations import ask, runtime_client
from support.tiny_models import loose_archive, onnx_model, torchscript_model


class Weighted(torch.nn.Module):
    """Says by its value which argument was which."""

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        return input_ids + 10 * attention_mask + 100 * token_type_ids


class Dictionary(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": x}


class Listed(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x, x + 1]


class Detector(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return x, [x, x]


@pytest.fixture
def client(either: LocalEndpoint) -> Any:
    return runtime_client(either.url)


@pytest.fixture
def add(either: LocalEndpoint, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Add a target of a config and a model file; gives its name, of which there is one a test."""

    def add_target(config: str, file: str, model: bytes) -> str:
        target = f"{request.node.name.encode().hex()[-200:]}.tar.gz"
        archive = loose_archive(tmp_path / "a.tar.gz", {"m/config.pbtxt": config, f"m/1/{file}": model})
        either.add_targets(archive, [target])
        return target

    return add_target


def tensors(*names: str, kind: str = "INT64", dims: int = 2) -> str:
    return " ".join(f'input {{ name: "{name}" data_type: TYPE_{kind} dims: {dims} }}' for name in names)


def output(name: str = "OUTPUT__0", kind: str = "INT64", dims: int = 2) -> str:
    return f'output {{ name: "{name}" data_type: TYPE_{kind} dims: {dims} }}'


@pytest.fixture(scope="module")
def weighted() -> bytes:
    return torchscript_model(Weighted(), *[torch.zeros(2, 2, dtype=torch.int64)] * 3)


# --- where inputs of TorchScript go


@pytest.mark.parametrize(
    ("names", "want"),
    [
        # forward's own names, in any order
        (("input_ids", "token_type_ids", "attention_mask"), [1 + 10 * 3 + 100 * 2] * 2),
        # numbered, in any order
        (("A__2", "B__0", "C__1"), [2 + 10 * 3 + 100 * 1] * 2),
        # one is not forward's: all are taken as they stand
        (("input_ids", "token_type_ids", "mask"), [1 + 10 * 2 + 100 * 3] * 2),
        (("input_ids__x", "b__1", "c__2"), [1 + 10 * 2 + 100 * 3] * 2),
    ],
)
def test_inputs_by_name_then_number_then_order(
    client: Any, add: Any, weighted: bytes, names: tuple[str, ...], want: list[int]
) -> None:
    target = add(f'backend: "pytorch" max_batch_size: 4 {tensors(*names)} {output()}', "model.pt", weighted)
    given = {name: ("INT64", [1, 2], [number] * 2) for number, name in enumerate(names, start=1)}
    assert ask(client, target, **given) == {"OUTPUT__0": want}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("input_ids", "attention_mask"), "has 2 inputs; the model has 3"),
        (("INPUT__0", "INPUT__1", "INPUT__2", "INPUT__3"), "has 4 inputs; the model has 3"),
        (("INPUT__1", "INPUT__2", "INPUT__3"), "forward takes input_ids, attention_mask, token_type_ids"),
    ],
)
def test_wrong_inputs_are_refused_at_load(
    client: Any, add: Any, weighted: bytes, names: tuple[str, ...], message: str
) -> None:
    target = add(f'backend: "pytorch" max_batch_size: 4 {tensors(*names)} {output()}', "model.pt", weighted)
    with pytest.raises(client.exceptions.ModelError, match=message):
        ask(client, target, **{name: ("INT64", [1, 2], [1, 1]) for name in names})


def test_a_dictionary_as_the_only_argument(client: Any, add: Any) -> None:
    class Takes(torch.nn.Module):
        def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
            return batch["b"] * 10 + batch["a"]

    module = torchscript_model(Takes(), {"a": torch.zeros(1, 2), "b": torch.zeros(1, 2)})
    config = f'backend: "pytorch" max_batch_size: 4 {tensors("b", "a", kind="FP32")} {output("y", "FP32")}'
    target = add(config, "model.pt", module)
    given = {"a": ("FP32", [1, 2], [1, 2]), "b": ("FP32", [1, 2], [3, 4])}
    assert ask(client, target, **given) == {"y": [31, 42]}


# --- what TorchScript gives


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Dictionary(), "output OUTPUT__0, OUTPUT__1 is a dict of Tensor"),
        (Listed(), "output OUTPUT__0, OUTPUT__1 is a list of Tensor"),
        (Detector(), "output OUTPUT__1 is a list of Tensor"),
    ],
)
def test_outputs_that_are_no_tensors(client: Any, add: Any, module: torch.nn.Module, message: str) -> None:
    outputs = output(kind="FP32") + output("OUTPUT__1", "FP32")
    config = f'backend: "pytorch" max_batch_size: 4 {tensors("x", kind="FP32")} {outputs}'
    target = add(config, "model.pt", torchscript_model(module, torch.zeros(2, 2)))
    with pytest.raises(client.exceptions.ModelError, match=message):
        ask(client, target, x=("FP32", [1, 2], [1, 2]))


def test_an_output_of_another_type_than_the_configuration_says(client: Any, add: Any, weighted: bytes) -> None:
    names = ("input_ids", "attention_mask", "token_type_ids")
    config = f'backend: "pytorch" max_batch_size: 4 {tensors(*names)} {output(kind="FP32")}'
    target = add(config, "model.pt", weighted)
    with pytest.raises(
        client.exceptions.ModelError, match="output OUTPUT__0 is TYPE_FP32; the model has TYPE_INT64"
    ):
        ask(client, target, **{name: ("INT64", [1, 2], [1, 1]) for name in names})


# --- strings and shapes of ONNX


def test_words_reach_the_model_as_words(client: Any, add: Any) -> None:
    node = helper.make_node(
        "LabelEncoder", ["colour"], ["code"], domain="ai.onnx.ml",
        keys_strings=["red", "grün"], values_int64s=[1, 2], default_int64=-1,
    )  # fmt: skip
    model = onnx_model(
        [node],
        [helper.make_tensor_value_info("colour", TensorProto.STRING, ["b", 1])],
        [helper.make_tensor_value_info("code", TensorProto.INT64, ["b", 1])],
    )
    config = f"""
    backend: "onnxruntime" max_batch_size: 4 {tensors("colour", kind="STRING", dims=1)} {output("code", dims=1)}
    """
    target = add(config, "model.onnx", model)
    assert ask(client, target, colour=("BYTES", [3, 1], ["red", "grün", "blue"])) == {"code": [1, 2, -1]}


def test_words_come_back_as_they_went(client: Any, add: Any) -> None:
    words = ["", "naïve", "a\0b", "\U0010fffd", "🙂"]
    model = onnx_model(
        [helper.make_node("Identity", ["x"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["b", 5])],
        [helper.make_tensor_value_info("y", TensorProto.STRING, ["b", 5])],
    )
    ends = tensors("x", kind="STRING", dims=5) + output("y", "STRING", 5)
    target = add(f'backend: "onnxruntime" max_batch_size: 4 {ends}', "model.onnx", model)
    assert ask(client, target, x=("BYTES", [1, 5], words)) == {"y": words}


def test_shapes_that_differ_from_the_model_s(client: Any, add: Any) -> None:
    """Whole shapes, no batch, and dimensions that vary."""
    model = onnx_model(
        [helper.make_node("Neg", ["x"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "n", 2, "m"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "n", 2, "m"])],
    )
    shape = "data_type: TYPE_FP32 dims: [-1, -1, 2] reshape { shape: [1, -1, 2, -1] }"
    config = f"""
    backend: "onnxruntime" max_batch_size: 0
    input {{ name: "x" {shape.replace("-1, -1, 2]", "-1, 2, -1]")} }}
    output {{ name: "y" {shape.replace("-1, -1, 2]", "-1, 2, -1]")} }}
    """
    target = add(config, "model.onnx", model)
    values = [float(number) for number in range(12)]
    assert ask(client, target, x=("FP32", [2, 2, 3], values)) == {"y": [-value for value in values]}


# --- refused by name, at load


CONFIG = 'backend: "onnxruntime" max_batch_size: 4 ' + tensors("x", kind="FP32", dims=4) + output("y", "FP32", 4)


@pytest.mark.parametrize(
    ("config", "file", "message"),
    [
        (CONFIG.replace("FP32", "FP64"), "model.onnx", "input x is TYPE_FP64; the model has TYPE_FP32"),
        (CONFIG + "sequence_batching { }", "model.onnx", "sequence_batching is not served here"),
        (
            CONFIG
            + 'batch_input { kind: BATCH_ELEMENT_COUNT target_name: "n" data_type: TYPE_FP32 source_input: "x" }',
            "model.onnx",
            "batch_input",
        ),
        (CONFIG.replace("dims: 4 }", "dims: 4 allow_ragged_batch: true }", 1), "model.onnx", "ragged"),
        (CONFIG.replace("FP32", "BF16"), "model.onnx", "TYPE_BF16, which onnxruntime does not take here"),
        (
            CONFIG.replace("onnxruntime", "openvino").replace("FP32", "STRING"),
            "model.xml",
            "openvino does not take",
        ),
        (CONFIG.replace("onnxruntime", "pytorch").replace("FP32", "STRING"), "model.pt", "pytorch does not take"),
        (CONFIG.replace("onnxruntime", "pytorch").replace("FP32", "UINT16"), "model.pt", "pytorch does not take"),
        (CONFIG.replace('"y"', '"z"'), "model.onnx", "names output z; the model has y"),
    ],
)
def test_what_would_be_answered_wrongly_is_refused(
    client: Any, add: Any, config: str, file: str, message: str
) -> None:
    model = onnx_model(
        [helper.make_node("Neg", ["x"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", 4])],
    )
    target = add(config, file, model)
    with pytest.raises(client.exceptions.ModelError, match=message):
        ask(client, target, x=("FP32", [1, 4], [1, 2, 3, 4]))
