"""Archives that people have, and that SageMaker with Triton serves, on both containers."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from onnx import TensorProto, helper

from mmebench.endpoints.local import LocalEndpoint
from mmebench.silent_openvino import openvino
from support.invocations import ask, runtime_client
from support.patience import wait_until
from support.tiny_models import loose_archive, onnx_model, torchscript_model

X = ("FP32", [1, 2], [1.0, 2.0])
ENDS = """
max_batch_size: 4
input { name: "x" data_type: TYPE_FP32 dims: 2 } output { name: "y" data_type: TYPE_FP32 dims: 2 }
"""
ONE = "instance_group { count: 1 kind: KIND_CPU }"
PYTHON = """
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        found = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", array + 1)]) for array in found]
"""


def negative(shape: list[Any], out: list[Any] | None = None) -> bytes:
    """y = -x."""
    return onnx_model(
        [helper.make_node("Neg", ["x"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out or shape)],
    )


NEGATIVE = negative(["b", 2])


@pytest.fixture
def client(either: LocalEndpoint) -> Any:
    return runtime_client(either.url)


@pytest.fixture
def add(either: LocalEndpoint, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Add a target of these files; gives its name, of which there is one a test."""

    def add_target(files: dict[str, str | bytes]) -> str:
        target = f"{request.node.name.encode().hex()[-200:]}.tar.gz"
        either.add_targets(loose_archive(tmp_path / "a.tar.gz", files), [target])
        return target

    return add_target


# --- layout


def test_files_beside_the_model_are_ignored(client: Any, add: Any) -> None:
    junk = dict.fromkeys(["._m", ".DS_Store", "README.md", "m/._config.pbtxt", "m/1/._model.onnx"], b"\0\5\x16\7")
    config = b"\xef\xbb\xbf" + f'backend: "onnxruntime" {ENDS}'.encode()
    target = add({**junk, "m/config.pbtxt": config, "m/1/model.onnx": NEGATIVE})
    assert ask(client, target, x=X) == {"y": [-1, -2]}


# --- configs that leave things out


def openvino_model(tmp_path: Path) -> dict[str, bytes]:
    ops = openvino.opset13
    parameter = ops.parameter([-1, 2], np.float32, name="x")
    result = ops.negative(parameter)
    result.output(0).get_tensor().set_names({"y"})
    openvino.save_model(openvino.Model([result], [parameter], "m"), tmp_path / "model.xml")
    return {f"m/1/{name}": (tmp_path / name).read_bytes() for name in ("model.xml", "model.bin")}


def test_onnx_completes_its_config(client: Any, add: Any) -> None:
    target = add({"m/config.pbtxt": 'platform: "onnxruntime_onnx"', "m/1/model.onnx": NEGATIVE})
    assert ask(client, target, x=("FP32", [2, 2], [1.0, 2.0, 3.0, 4.0])) == {"y": [-1, -2, -3, -4]}
    with pytest.raises(client.exceptions.ModelError, match=r"(?i)batch.size.* 4|\.\.4"):
        ask(client, target, x=("FP32", [5, 2], [0.0] * 10))


def test_openvino_completes_its_config(client: Any, add: Any, tmp_path: Path) -> None:
    target = add({"m/config.pbtxt": "", **openvino_model(tmp_path)})
    assert ask(client, target, x=X) == {"y": [-1, -2]}


def test_a_fixed_batch_is_a_whole_shape(client: Any, add: Any) -> None:
    target = add({"m/config.pbtxt": 'backend: "onnxruntime"', "m/1/model.onnx": negative([1, 2])})
    assert ask(client, target, x=X) == {"y": [-1, -2]}


def test_rows_without_dimensions(client: Any, add: Any) -> None:
    target = add({"m/config.pbtxt": 'backend: "onnxruntime"', "m/1/model.onnx": negative(["b"])})
    assert ask(client, target, x=("FP32", [3, 1], [1.0, 2.0, 3.0])) == {"y": [-1, -2, -3]}


def test_what_is_said_stays(client: Any, add: Any) -> None:
    config = 'backend: "onnxruntime" output { name: "y" data_type: TYPE_FP32 dims: [-1, 2] }'
    target = add({"m/config.pbtxt": config, "m/1/model.onnx": NEGATIVE})
    assert ask(client, target, x=("FP32", [5, 2], [1.0] * 10)) == {"y": [-1] * 10}


def test_torchscript_does_not_know_its_inputs(client: Any, add: Any) -> None:
    import torch

    script = torchscript_model(torch.nn.Identity(), torch.zeros(1, 2))
    target = add({"m/config.pbtxt": 'backend: "pytorch"', "m/1/model.pt": script})
    with pytest.raises(client.exceptions.ModelError, match="no input, and models of PyTorch do not tell theirs"):
        ask(client, target, x=X)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"m/config.pbtxt": 'backend: "onnxruntime" max_batch_size: 2', "m/1/model.onnx": negative([1, 2])},
            "max_batch_size is 2, and the model's own batch is fixed",
        ),
        ({"m/config.pbtxt": 'backend: "onnxruntime"', "m/1/model.onnx": b"junk"}, "does not tell them"),
        ({"m/config.pbtxt": 'backend: "python"', "m/1/model.py": PYTHON}, "it has no output; name every tensor"),
        ({"m/config.pbtxt": "", "m/1/weights": b""}, "it names no server for the model"),
        (
            {"m/config.pbtxt": f'platform: "tensorrt_plan" {ENDS}', "m/1/model.plan": b""},
            "no tensorrt_plan in this endpoint; it has onnxruntime, pytorch, openvino, torch_aoti, python",
        ),
        ({"m/config.pbtxt": f'backend: "fil" {ENDS}', "m/1/xgboost.json": b""}, "no fil in this endpoint; it has"),
        ({"m/config.pbtxt": f'backend: "ours" {ENDS}', "m/1/model": b""}, "no ours in this endpoint; it has"),
    ],
)
def test_what_cannot_be_served_is_refused_in_words(
    client: Any, add: Any, files: dict[str, str | bytes], message: str
) -> None:
    with pytest.raises(client.exceptions.ModelError, match=message):
        ask(client, add(files), x=X)


# --- models of the Python backend

SAYING = """
import triton_python_backend_utils as pb_utils
from helper import NUMBER
from pathlib import Path

class TritonPythonModel:
    def initialize(self, arguments):
        config = __import__("json").loads(arguments["model_config"])
        assert pb_utils.get_input_config_by_name(config, "x")["data_type"] == "TYPE_FP32"
        pb_utils.Logger.log_info("here I am")

    def execute(self, requests):
        answers = []
        for request in requests:
            assert list(request.requested_output_names()) == ["y"]
            array = pb_utils.get_input_tensor_by_name(request, "x").as_numpy()
            if array[0, 0] < 0:
                error = pb_utils.TritonError("no negatives", pb_utils.TritonError.INVALID_ARG)
                answers.append(pb_utils.InferenceResponse(output_tensors=[], error=error))
            else:
                answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", array * NUMBER)]))
        return answers

    def finalize(self):
        Path(PLACE).touch()
"""


def test_two_models_with_a_helper_of_the_same_name(client: Any, either: LocalEndpoint, tmp_path: Path) -> None:
    for number in (2, 3):
        files = {
            "m/config.pbtxt": f'backend: "python" {ENDS} {ONE}',
            "m/1/model.py": SAYING,
            "m/1/helper.py": f"import numpy; NUMBER = numpy.float32({number})",
        }
        target = f"helped-{number}.tar.gz"
        either.add_targets(loose_archive(tmp_path / target, files), [target])
        assert ask(client, target, x=X) == {"y": [1 * number, 2 * number]}
        with pytest.raises(client.exceptions.ModelError, match="no negatives"):
            ask(client, target, x=("FP32", [1, 2], [-1, 0]))


@pytest.mark.parametrize("container", [pytest.param("triton", marks=pytest.mark.triton), "python"])
def test_a_model_that_is_unloaded_is_finalized(serve: Any, tmp_path: Path, container: str) -> None:
    served = serve(memory="2GiB", container=container, model_cache_setting="Disabled")
    files = {
        "m/config.pbtxt": f'backend: "python" {ENDS} {ONE}',
        "m/1/model.py": SAYING + f"PLACE = {str(tmp_path / 'finalized')!r}",
        "m/1/helper.py": "NUMBER = 1",
    }
    served.add_targets(loose_archive(tmp_path / "m.tar.gz", files), ["m.tar.gz"])
    assert ask(runtime_client(served.url), "m.tar.gz", x=X) == {"y": [1, 2]}
    wait_until((tmp_path / "finalized").exists)


# --- ensembles


def ensemble(second: str = "plus") -> dict[str, str | bytes]:
    """y = -x + 1, by two models."""
    config = f"""
    name: "both" platform: "ensemble" {ENDS}
    ensemble_scheduling {{
      step {{ model_name: "{second}" model_version: -1 input_map {{ key: "x" value: "between" }}
              output_map {{ key: "y" value: "y" }} }}
      step {{ model_name: "minus" model_version: -1 input_map {{ key: "x" value: "x" }}
              output_map {{ key: "y" value: "between" }} }}
    }}
    """
    return {
        ".DS_Store": b"\0",
        "both/config.pbtxt": config,
        "both/1/.keep": b"",
        "minus/config.pbtxt": f'name: "minus" backend: "onnxruntime" {ENDS} {ONE}',
        "minus/1/model.onnx": NEGATIVE,
        "plus/config.pbtxt": f'name: "plus" backend: "python" {ENDS} {ONE}',
        "plus/1/model.py": PYTHON,
    }


def test_an_ensemble_is_one_target(either: LocalEndpoint, client: Any, add: Any, tmp_path: Path) -> None:
    target = add(ensemble())
    assert ask(client, target, x=X) == {"y": [0, -1]}
    either.add_targets(loose_archive(tmp_path / "b.tar.gz", ensemble()), [f"copy-{target}"])
    assert ask(client, f"copy-{target}", x=X) == {"y": [0, -1]}  # with members of its own
    assert ask(client, target, x=X) == {"y": [0, -1]}


def stubs(served: LocalEndpoint) -> list[psutil.Process]:
    """The processes of Triton in which members are, in the order of their names."""
    found: dict[str, psutil.Process] = {}
    for child in psutil.Process(served.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            parts = [part for part in child.cmdline() if ".minus/1/" in part or ".plus/1/" in part]
            found |= dict.fromkeys(parts[:1], child)
    return [found[part] for part in sorted(found)]


@pytest.mark.parametrize("container", [pytest.param("triton", marks=pytest.mark.triton), "python"])
def test_an_ensemble_leaves_memory_whole(serve: Any, tmp_path: Path, container: str) -> None:
    """Without the model cache each target leaves at once; then it comes again."""
    served = serve(memory="2GiB", container=container, model_cache_setting="Disabled")
    served.add_targets(loose_archive(tmp_path / "e.tar.gz", ensemble()), ["e.tar.gz"])
    client = runtime_client(served.url)
    for _ in range(2):
        assert ask(client, "e.tar.gz", x=X) == {"y": [0, -1]}
        wait_until(lambda: served.residency().memory_used == 0)
        assert not stubs(served)


@pytest.mark.triton
def test_an_ensemble_survives_the_death_of_a_member(serve: Any, tmp_path: Path) -> None:
    served = serve(memory="2GiB")
    served.add_targets(loose_archive(tmp_path / "e.tar.gz", ensemble()), ["e.tar.gz"])
    client = runtime_client(served.url)
    for number in range(2):
        assert ask(client, "e.tar.gz", x=X) == {"y": [0, -1]}
        assert len(stubs(served)) == 2
        stubs(served)[number].kill()
    assert ask(client, "e.tar.gz", x=X) == {"y": [0, -1]}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (ensemble("times"), "its steps need times; the archive has minus, plus"),
        (
            ensemble() | {"plus/config.pbtxt": f'backend: "fil" {ENDS}'},
            "plus: config.pbtxt: there is no fil in this",
        ),
    ],
)
def test_ensembles_that_lack_something(client: Any, add: Any, files: dict[str, str | bytes], message: str) -> None:
    with pytest.raises(client.exceptions.ModelError, match=message):
        ask(client, add(files), x=X)


def test_several_folders_and_no_ensemble(client: Any, add: Any) -> None:
    files = {name: content for name, content in ensemble().items() if not name.startswith("both")}
    with pytest.raises(
        client.exceptions.ValidationError, match="or several such folders, one of them an ensemble"
    ):
        ask(client, add(files), x=X)
