"""From a spec to an archive on disk: what it holds, what is said, and when it is made again."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mmebench.errors import BadInputError, MmebenchError
from mmebench.formats.archive import unpack
from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import parse
from mmebench.models import package as package_module
from mmebench.models.example import example
from mmebench.models.package import Package, package_model, read_package
from mmebench.models.parity import TOLERANCE
from mmebench.models.platforms import find_exporter
from mmebench.spec import FileModel, HuggingFaceModel, PlatformSpec, TimmModel
from support.platforms import served_as
from support.tiny_models import torchscript_model

pytestmark = [
    pytest.mark.export,
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
]

TINY = TimmModel(source="timm", name="test_resnet", weights="random")
X = TensorSpec(name="x", datatype="FP32", shape=(4,))
Y = TensorSpec(name="y", datatype="FP32", shape=(2,))
PT, ONNX, OPENVINO = (served_as(kind) for kind in ("pt", "onnx", "openvino"))


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return package_model(TINY, PT, tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's model as TorchScript and ONNX: y = x summed in pairs."""
    folder = tmp_path_factory.mktemp("mine")
    layer = torch.nn.Linear(4, 2, bias=False).eval()
    layer.weight.data = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    torch.jit.trace(layer, torch.zeros(2, 4)).save(str(folder / "linear.pt"))
    batch = torch.export.Dim("batch", min=1, max=64)
    torch.onnx.export(
        layer, (torch.zeros(2, 4),), folder / "linear.onnx", input_names=["x"], output_names=["y"],
        dynamic_shapes=({0: batch},), dynamo=True, verbose=False, external_data=True,
    )  # fmt: skip
    assert (folder / "linear.onnx.data").exists()
    return folder


def mine(path: Path, inputs: tuple[TensorSpec, ...] = (X,), outputs: tuple[TensorSpec, ...] = (Y,)) -> FileModel:
    return FileModel(source="file", path=path, inputs=inputs, outputs=outputs)


def refusal(model: FileModel, platform: PlatformSpec, directory: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        package_model(model, platform, directory)
    assert not directory.exists() or list(directory.iterdir()) == []
    return str(caught.value)


def test_the_archive_holds_config_and_model(packaged: Package, tmp_path: Path) -> None:
    folder = unpack(packaged.archive, tmp_path / "model", 10**8)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == [
        "1",
        "1/model.pt",
        "config.pbtxt",
    ]
    config = parse((folder / "config.pbtxt").read_text(), "config.pbtxt")
    assert [item.name for item in config.input] == [tensor.name for tensor in packaged.inputs]
    assert list(config.input[0].dims) == list(packaged.inputs[0].shape)
    loaded = torch.jit.load(folder / "1" / "model.pt")
    (array,) = example(packaged.inputs, 3, 1)
    assert loaded(torch.from_numpy(array)).shape == (3, *packaged.outputs[0].shape)


def test_the_record_lies_beside_the_archive(packaged: Package) -> None:
    directory = packaged.archive.parent
    assert sorted(path.name for path in directory.iterdir()) == ["test_resnet-pt.json", "test_resnet-pt.tar.gz"]
    record = directory / "test_resnet-pt.json"
    assert json.loads(record.read_text())["archive"] == "test_resnet-pt.tar.gz"  # the folder can move
    assert read_package(record) == packaged
    assert packaged.parameters == 469_688
    assert packaged.parity is not None
    assert packaged.parity.max_relative < 1e-6
    assert packaged.details["libraries"]["torch"] == torch.__version__
    assert set(packaged.details["seconds"]) == {"export", "check", "archive"}


def test_what_is_there_is_used(packaged: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_module, "_load", None)
    said: list[str] = []
    assert package_model(TINY, PT, packaged.archive.parent, said.append) == packaged
    assert said == ["test_resnet-pt.tar.gz is there from an earlier start"]


class LoadedError(Exception):
    """The model was asked for."""


@pytest.mark.parametrize("change", ["platform", "model", "archive", "record", "libraries"])
def test_what_changed_is_made_again(
    change: str, packaged: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(spec: object) -> None:
        raise LoadedError

    directory = tmp_path / "packages"
    directory.mkdir()
    for file in packaged.archive.parent.iterdir():
        (directory / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(package_module, "_load", load)
    assert package_model(TINY, PT, directory).sha256 == packaged.sha256
    model, platform = TINY, PT
    if change == "platform":
        platform = served_as("pt", max_batch_size=4)
    elif change == "model":
        model = TINY.model_copy(update={"weights": "pretrained"})
    elif change == "archive":
        (directory / "test_resnet-pt.tar.gz").write_bytes(b"half of it")
    elif change == "record":
        (directory / "test_resnet-pt.json").write_text("{}")
    else:
        monkeypatch.setattr("mmebench.models.fingerprint.version", lambda name: "0")
    with pytest.raises(LoadedError):
        package_model(model, platform, directory)


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    """With ONNX; TorchScript counts its traces within a process, and is the same in a new one."""
    first, again = (package_model(TINY, ONNX, tmp_path / folder) for folder in ("a", "b"))
    assert first.sha256 == again.sha256


def test_each_step_is_told_and_the_model_is_loaded_once(bert_folder: Path, tmp_path: Path) -> None:
    spec = HuggingFaceModel(source="huggingface", name=str(bert_folder), weights="random")
    said: list[str] = []
    before = package_module._load.cache_info().misses
    pt = package_model(spec, PT, tmp_path / "p", said.append)
    onnx = package_model(spec, ONNX, tmp_path / "p", said.append)
    assert package_module._load.cache_info().misses == before + 1
    assert [message.split()[0] for message in said] == ["load", "export", "compare", "compress"] * 2
    assert pt.max_sequence_length == onnx.max_sequence_length == 40
    assert (pt.task, onnx.details["opset"] >= 18) == ("nlp", True)
    assert {path.name for path in (tmp_path / "p").iterdir()} == {
        "tiny-bert-pt.json", "tiny-bert-pt.tar.gz", "tiny-bert-onnx.json", "tiny-bert-onnx.tar.gz"
    }  # fmt: skip


def test_a_wrong_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOLERANCE, "fp32", -1.0)
    with pytest.raises(MmebenchError, match="differs from PyTorch"):
        package_model(TINY, PT, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_small_is_seen_before_the_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1024 * 1024

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(MmebenchError, match=r"test_resnet needs 3\.58 MiB, the disk has 1 MiB free"):
        package_model(TINY, PT, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_trt_is_refused_before_anything_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_module, "_load", None)
    with pytest.raises(BadInputError, match="needs an engine"):
        package_model(TINY, served_as("trt"), tmp_path)


# --- the user's own files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "platform", "names"),
    [
        ("linear.pt", PT, ("INPUT__0", "OUTPUT__0")),
        ("linear.onnx", ONNX, ("x", "y")),
        ("linear.onnx", OPENVINO, ("x", "y")),
        ("linear.onnx", served_as("onnx", precision="fp16"), ("x", "y")),
    ],
)
def test_a_file_comes_to_its_platform(
    name: str, platform: PlatformSpec, names: tuple[str, str], linear: Path, tmp_path: Path
) -> None:
    package = package_model(mine(linear / name), platform, tmp_path / "p")
    assert package.model == "linear"
    assert (package.inputs[0].name, package.outputs[0].name) == names
    assert (package.parity is None) == (
        name.removeprefix("linear.") == platform.kind and platform.precision == "fp32"
    )
    folder = unpack(package.archive, tmp_path / "model", 10**8) / "1"
    if platform.kind == "pt":
        result = torch.jit.load(folder / "model.pt")(torch.arange(4.0)[None]).detach().numpy()
    elif platform.kind == "onnx":
        from mmebench.models.platforms.onnx import runner

        (result,) = runner(folder / "model.onnx", (X,), (Y,))([np.arange(4, dtype=np.float32)[None]])
    else:
        from mmebench.models.platforms.openvino import _runner

        (result,) = _runner(folder / "model.xml", (X,), (Y,))([np.arange(4, dtype=np.float32)[None]])
    assert result.tolist() == [[1, 5]]


def test_what_a_file_cannot_be(linear: Path, tmp_path: Path) -> None:
    p = tmp_path / "p"
    assert "takes .onnx or .tar.gz" in refusal(mine(linear / "linear.pt"), ONNX, p)
    assert "takes .pt or .tar.gz" in refusal(mine(linear / "linear.onnx"), PT, p)
    assert "takes .onnx or .tar.gz" in refusal(mine(linear / "linear.pt"), OPENVINO, p)
    assert "no file" in refusal(mine(linear / "nothing.pt"), PT, p)
    assert "precision" in refusal(mine(linear / "linear.pt"), served_as("pt", precision="fp16"), p)
    for name, platform in (("bad.pt", PT), ("bad.onnx", ONNX), ("bad.onnx", OPENVINO)):
        (tmp_path / name).write_text("not a model")
        assert f"{name}" in refusal(mine(tmp_path / name), platform, p)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (mine(Path(), (X.model_copy(update={"name": "z"}),)), "has no input z FP32 [4]; its inputs are x FP32"),
        (mine(Path(), (X.model_copy(update={"shape": (5,)}),)), "has no input x FP32 [5]"),
        (mine(Path(), (X.model_copy(update={"datatype": "INT64"}),)), "has no input x INT64 [4]"),
        (mine(Path(), (X.model_copy(update={"shape": (4, 4)}),)), "has no input x FP32 [4, 4]"),
        (mine(Path(), outputs=(X,)), "has no output x"),
    ],
)
def test_declared_tensors_must_be_those_of_the_graph(
    model: FileModel, said: str, linear: Path, tmp_path: Path
) -> None:
    assert said in refusal(model.model_copy(update={"path": linear / "linear.onnx"}), ONNX, tmp_path / "p")


@pytest.mark.parametrize(
    ("inputs", "outputs", "said"),
    [
        ((X, X), (Y,), "not TorchScript that takes x FP32 [4], x FP32 [4]"),
        ((X.model_copy(update={"shape": (5,)}),), (Y,), "not TorchScript that takes x FP32 [5]"),
        ((X,), (X,), "model.outputs says FP32 [4]; it gives FP32 [2]"),
        ((X,), (Y.model_copy(update={"datatype": "INT64"}),), "says INT64 [2]; it gives FP32 [2]"),
        ((X,), (Y, Y), "model.outputs says FP32 [2], FP32 [2]; it gives FP32 [2]"),
    ],
)
def test_torchscript_must_take_and_give_what_is_declared(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], said: str, linear: Path, tmp_path: Path
) -> None:
    assert said in refusal(mine(linear / "linear.pt", inputs, outputs), PT, tmp_path / "p")


class Fixed(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(1, 2, 2).sum(1)


class Joined(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(1, -1)[:, :2]


class Named(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": x[:, :2]}


class Listed(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x[:, :2]]


class Detector(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return x[:, :2], [x]


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Fixed(), "takes x FP32 [4] in a batch of 2"),
        (Joined(), "for a batch of 2 it gives [[1, 2]]; set max_batch_size: 0"),
        (Named(), "the output is a dict; Triton serves TorchScript that gives a tensor or a tuple of tensors"),
        (Listed(), "the output is a list"),
        (Detector(), "output 1 is a list"),
    ],
)
def test_torchscript_that_triton_cannot_serve_is_refused(
    module: torch.nn.Module, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.pt"
    torch.jit.trace(module, torch.zeros(1, 4), strict=False, check_trace=False).save(str(path))
    assert said in refusal(mine(path), PT, tmp_path / "p")


def test_a_dimension_that_varies_is_tried_as_long_as_requests_have_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    torch.jit.trace(torch.nn.Conv1d(1, 1, 20), torch.zeros(2, 1, 32)).save(str(path))
    inputs = (X.model_copy(update={"shape": (1, -1)}),)
    model = mine(path, inputs, (Y.model_copy(update={"shape": (1, -1)}),))
    assert package_model(model, PT, tmp_path / "p", sequence_length=24).max_batch_size == 8
    with pytest.raises(BadInputError, match="not TorchScript that takes"):
        package_model(model, PT, tmp_path / "p", sequence_length=16)


@pytest.mark.parametrize("what", ["state_dict", "module"])
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_are_no_torchscript(what: str, zipped: bool, tmp_path: Path) -> None:
    """Most files that end in .pt are of torch.save."""
    module = torch.nn.Linear(4, 2)
    path = tmp_path / "weights.pt"
    torch.save(
        module.state_dict() if what == "state_dict" else module, path, _use_new_zipfile_serialization=zipped
    )
    said = refusal(mine(path), PT, tmp_path / "p")
    assert "weights.pt holds weights or a pickled module (torch.save), not TorchScript; save the" in said
    assert f"give weights: {path}" in said


class Embedded(torch.nn.Module):
    """Of which an id that is negative, or not in the vocabulary, is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(10, 2)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows: torch.Tensor = self.embedding(ids)
        return (rows * mask.unsqueeze(-1)).sum(1)


def test_whole_numbers_need_no_fill(tmp_path: Path) -> None:
    path = tmp_path / "embedded.pt"
    path.write_bytes(torchscript_model(Embedded(), torch.ones(2, 4, dtype=torch.int64), torch.ones(2, 4).long()))
    tensors = {"datatype": "INT64", "shape": (4,)}
    inputs = tuple(TensorSpec.model_validate(tensors | {"name": name}) for name in ("ids", "mask"))
    assert [tensor.fill for tensor in inputs] == ["integers", "lengths"]
    package = package_model(mine(path, inputs, (Y,)), PT, tmp_path / "p")
    assert package.inputs[0].fill == "integers"


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name="openvino")

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(BadInputError, match=r"needs openvino, which is not installed; run: pip install"):
        find_exporter(served_as("openvino"))
