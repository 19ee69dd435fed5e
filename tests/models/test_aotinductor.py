"""Models compiled ahead of time: exported, compared, served by a real Triton, refused where they do not run."""

import dataclasses
import io
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmebench.endpoints.local import LocalEndpoint
from mmebench.errors import BadInputError, MmebenchError
from mmebench.formats.aoti_package import CompiledFor, compiled_for
from mmebench.formats.archive import unpack
from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import parse
from mmebench.models.config import make_config
from mmebench.models.device import check_compiled, check_device
from mmebench.models.example import example
from mmebench.models.fingerprint import fingerprint
from mmebench.models.model import Model
from mmebench.models.package import Package, package_model
from mmebench.models.parity import TOLERANCE, check_parity
from mmebench.models.platforms import find_exporter
from mmebench.server.backends.inference.options import model_options
from mmebench.server.backends.inference.torch_aoti import open_model, refuse_other_device
from mmebench.spec import FileModel, ModelSource, PlatformSpec, SageMakerEndpoint, TimmModel
from mmebench.spec import LocalEndpoint as Local
from support import cloud
from support.invocations import ask, runtime_client
from support.platforms import served_as
from support.tiny_models import aoti_label, aoti_model, loose_archive, torchscript_model

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")]

PT2 = served_as("pt2")
TINY = TimmModel(source="timm", name="test_resnet", weights="random")
X = TensorSpec(name="x", datatype="FP32", shape=(2,))
Y = TensorSpec(name="y", datatype="FP32", shape=(1,))
CPU = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


class Shallow(torch.nn.Sequential):
    """Takes and gives what a ResNet does, and is compiled in seconds."""

    def __init__(self) -> None:
        super().__init__(torch.nn.AvgPool2d(32), torch.nn.Flatten(), torch.nn.Linear(75, 1000))


class Scaled(torch.nn.Module):
    """Says by its values which argument was which, and by their sum which row."""

    def forward(self, x: torch.Tensor, *, scale: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x * 10 + scale, scale.sum(1, keepdim=True)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return package_model(TINY, PT2, tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def scaled() -> bytes:
    return aoti_model(Scaled(), torch.zeros(2, 2), scale=torch.zeros(2, 2))


def config(inputs: tuple[str, ...] = ("INPUT__0", "INPUT__1"), outputs: tuple[str, ...] = ("OUTPUT__0",)) -> str:
    """Of :class:`Scaled`."""
    dims = {name: 1 if "1" in name else 2 for name in outputs}
    return "\n".join(
        [
            'backend: "pytorch" platform: "torch_aoti" max_batch_size: 8',
            *(f'input {{ name: "{name}" data_type: TYPE_FP32 dims: 2 }}' for name in inputs),
            *(f'output {{ name: "{name}" data_type: TYPE_FP32 dims: {dims[name]} }}' for name in outputs),
        ]
    )


# --- exports


def test_an_archive_says_what_it_was_compiled_for(packaged: Package, tmp_path: Path) -> None:
    folder = unpack(packaged.archive, tmp_path / "model", 10**8)
    assert sorted(path.name for path in (folder / "1").iterdir()) == ["model.pt2"]
    found = parse((folder / "config.pbtxt").read_text(), "config.pbtxt")
    assert (found.backend, found.platform, found.max_batch_size) == ("pytorch", "torch_aoti", 8)
    assert [tensor.name for tensor in (*found.input, *found.output)] == ["INPUT__0", "OUTPUT__0"]
    compiled = compiled_for(folder / "1" / "model.pt2")
    assert (compiled.device, compiled.machine) == ("cpu", platform.machine())
    assert packaged.details["compiled_for"] == compiled._asdict()
    assert packaged.parity is not None
    assert packaged.parity.max_relative < 1e-5
    assert {shape[0] for shape in packaged.parity.shapes} == {1, 4, 8}


def test_it_has_as_many_threads_as_it_is_served_with(packaged: Package, tmp_path: Path) -> None:
    folder = unpack(packaged.archive, tmp_path / "model", 10**8)
    with zipfile.ZipFile(folder / "1" / "model.pt2") as archive:
        code = [archive.read(name).decode() for name in archive.namelist() if name.endswith("kernel.cpp")]
    pragmas = [line for text in code for line in text.splitlines() if "#pragma omp parallel" in line]
    assert pragmas
    assert not any("num_threads" in line for line in pragmas)


def test_texts_of_any_length(text_model: Model, tmp_path: Path) -> None:
    exported = find_exporter(PT2).export(text_model, PT2, tmp_path)
    parity = check_parity(exported, text_model.run, PT2, text_model.max_sequence_length)
    assert parity.max_relative < 1e-5
    assert {shape[1] for shape in parity.shapes} == {16, 40}
    assert [tensor.name for tensor in exported.inputs] == ["INPUT__0", "INPUT__1", "INPUT__2"]


def test_another_device_is_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    here, text = fingerprint(TINY, PT2, 16), fingerprint(TINY, served_as("pt"), 16)
    assert fingerprint(TINY, PT2, 16) == here
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "another")
    assert fingerprint(TINY, PT2, 16) != here
    assert fingerprint(TINY, served_as("pt"), 16) == text


def test_memory_is_given_back_as_triton_is_told_to() -> None:
    text = make_config(served_as("pt2", arena="shrink"), "cv", [X], [Y])
    assert parse(text, "config.pbtxt").parameters["CACHE_CLEANING_ENABLED"].string_value == "true"


@pytest.mark.parametrize(("said", "shrinks"), [("true", True), ("false", False), (None, False)])
def test_the_backend_here_is_told_the_same(said: str | None, shrinks: bool, tmp_path: Path) -> None:
    (tmp_path / "model.pt2").write_bytes(aoti_label())
    parameters = {} if said is None else {"CACHE_CLEANING_ENABLED": {"string_value": said}}
    assert model_options({"backend": "torch_aoti", "parameters": parameters}, tmp_path, None).shrinks == shrinks


@pytest.mark.parametrize("most", [1, 0], ids=["one row", "whole shapes"])
def test_half_precision_and_single_rows(
    most: int, image_model: Model, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model, asked = (
        dataclasses.replace(image_model, module=Shallow().eval()),
        served_as("pt2", precision="fp16", max_batch_size=most),
    )
    exported = find_exporter(asked).export(model, asked, tmp_path)
    assert capfd.readouterr() == ("", ""), "an export is quiet"
    assert check_parity(exported, model.run, asked, None).max_relative <= TOLERANCE[asked.precision]
    (result,) = exported.run(
        example(exported.inputs, 1, 1) if asked.max_batch_size else [np.ones((1, 3, 160, 160), "f")]
    )
    assert result.dtype == np.float32
    assert (exported.inputs[0].shape[0] == 1) == (asked.max_batch_size == 0)


def test_a_failed_export_says_why(image_model: Model, tmp_path: Path) -> None:
    class NoExport(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            raise NotImplementedError("this layer has no export")

    broken = dataclasses.replace(image_model, module=NoExport())
    with pytest.raises(MmebenchError, match=r"test_resnet: export to AOTInductor failed: .*no export"):
        find_exporter(PT2).export(broken, PT2, tmp_path)


def test_a_machine_without_a_compiler_is_told_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "model: {source: timm, name: test_resnet, weights: random}\nplatforms: [pt2]\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "CXX"} | {"PATH": str(tmp_path)}
    command = [sys.executable, "-m", "mmebench", "package", "spec.yaml", "-o", "out"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "there is none; install g++ (Debian: apt-get install g++" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


# --- the user's own packages


def mine(path: Path, *inputs: TensorSpec, outputs: tuple[TensorSpec, ...] = (X, Y)) -> FileModel:
    return FileModel(source="file", path=path, inputs=inputs or (X, X), outputs=outputs)


def test_a_package_of_ones_own(scaled: bytes, tmp_path: Path) -> None:
    (tmp_path / "mine.pt2").write_bytes(scaled)
    made = package_model(mine(tmp_path / "mine.pt2"), PT2, tmp_path / "p")
    assert (made.model, made.platform, made.parity) == ("mine", "pt2", None)
    assert [tensor.name for tensor in made.inputs] == ["INPUT__0", "INPUT__1"]
    assert made.details["tensors"] == ["x", "x", "x", "y"]


@pytest.mark.parametrize(
    ("inputs", "outputs", "said"),
    [
        ((X,), (X, Y), "not a package that takes x FP32 [2] in a batch of 2"),
        ((X, X.model_copy(update={"shape": (3,)})), (X, Y), "expected: 2, but got: 3"),
        ((X, X.model_copy(update={"datatype": "INT64", "fill": "zeros"})), (X, Y), "unmatched dtype"),
        ((X, X), (X, X), "model.outputs says FP32 [2], FP32 [2]; it gives FP32 [2], FP32 [1]"),
    ],
)
def test_it_must_take_and_give_what_is_declared(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], said: str, scaled: bytes, tmp_path: Path
) -> None:
    (tmp_path / "mine.pt2").write_bytes(scaled)
    with pytest.raises(BadInputError) as caught:
        package_model(mine(tmp_path / "mine.pt2", *inputs, outputs=outputs), PT2, tmp_path / "p")
    assert said in str(caught.value)


def exported_program() -> bytes:
    content = io.BytesIO()
    torch.export.save(torch.export.export(torch.nn.ReLU(), (torch.zeros(2, 2),)), content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            lambda: b"not a model",
            "is no package of AOTInductor: it is no zip archive; write one with torch._inductor",
        ),
        (exported_program, "it holds a program of torch.export.save, not compiled"),
        (lambda: torchscript_model(torch.nn.ReLU(), torch.zeros(2, 2)), "is no package of AOTInductor; write one"),
        (
            lambda: aoti_label().replace(b"/model/", b"/other/"),
            "it holds other; Triton serves the one called model",
        ),
        (
            lambda: aoti_label("cuda", capability="86"),
            "compiled for cuda (compute capability 86), and is to run on",
        ),
        (lambda: aoti_label(machine="riscv"), f"compiled for the CPU (riscv), and this CPU is {CPU}"),
    ],
)
def test_what_is_no_package_for_this_machine(content: Callable[[], bytes], said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.pt2").write_bytes(content())
    with pytest.raises(BadInputError) as caught:
        package_model(mine(tmp_path / "mine.pt2"), PT2, tmp_path / "p")
    assert said in str(caught.value)
    assert list((tmp_path / "p").iterdir()) == []


def test_forms_and_precision(tmp_path: Path) -> None:
    (tmp_path / "mine.pt2").write_bytes(aoti_label())
    (tmp_path / "mine.onnx").write_bytes(b"")
    for name, asked, said in (
        ("mine.pt2", served_as("pt"), "takes .pt or .tar.gz"),
        ("mine.onnx", PT2, "takes .pt2 or .tar.gz"),
        ("mine.pt2", served_as("pt2", precision="fp16"), "served in the precision it has"),
    ):
        with pytest.raises(BadInputError, match=said):
            package_model(mine(tmp_path / name), asked, tmp_path / "p")


def test_code_for_a_wider_cpu_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = CompiledFor("cpu", platform.machine(), "AVX512 AVX512_VNNI", "")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    refuse_other_device(wide, None)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    with pytest.raises(
        ValueError, match=rf"and this CPU is {platform.machine()} AVX2; compile it where it is to run"
    ):
        refuse_other_device(wide, None)
    refuse_other_device(wide._replace(instructions="AVX2"), None)


@pytest.mark.parametrize(("compiled", "there", "runs"), [("86", (8, 6), True), ("86", (8, 9), True),
    ("89", (8, 6), False), ("80", (9, 0), False), ("", (9, 0), True)])  # fmt: skip
def test_code_for_another_gpu_is_not_run(
    compiled: str, there: tuple[int, int], runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Binary code for a GPU runs on those of the same major version, and no older minor one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: there)
    package = CompiledFor("cuda", platform.machine(), "", compiled)
    if runs:
        refuse_other_device(package, 0)
    else:
        with pytest.raises(
            ValueError, match=rf"capability {compiled}\), and GPU 0 has {there[0]}{there[1]}; compile"
        ):
            refuse_other_device(package, 0)


@pytest.mark.parametrize(
    ("model", "asked", "builder", "refused"),
    [
        (TINY, PT2, "local", True),
        (TINY, PT2, "training", False),
        (TINY, served_as("pt2", device="cpu"), "training", False),
        (TINY, served_as("pt"), "local", False),
        (FileModel(source="file", path=Path("a.pt2"), inputs=(X,), outputs=(Y,)), PT2, "training", True),
        (FileModel(source="file", path=Path("a.tar.gz")), PT2, "local", False),
    ],
)
def test_what_this_machine_compiles_is_not_sent_to_a_gpu(
    model: ModelSource, asked: PlatformSpec, builder: str, refused: bool
) -> None:
    more = {"image": "mine:1", "compiler_image": "mine:2", "engine_builder": builder}
    endpoint = SageMakerEndpoint.model_validate(cloud.ENDPOINT | more)
    check_device(model, asked, Local())
    if refused:
        with pytest.raises(
            BadInputError, match=r"a machine with the GPU of ml\.g5\.xlarge and a PyTorch with CUDA"
        ):
            check_device(model, asked, endpoint)
    else:
        check_device(model, asked, endpoint)


@pytest.mark.parametrize(("here", "refused"), [("2.11.1", False), ("2.12.1+cpu", False), ("2.13.0", True)])
def test_code_of_a_newer_pytorch_is_not_sent_to_an_older_one(
    here: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__version__", here)
    endpoint = SageMakerEndpoint.model_validate(cloud.ENDPOINT | {"triton": "26.05"})
    asked = served_as("pt2", device="cpu")
    check_device(FileModel(source="file", path=Path("a.pt2"), inputs=(X,), outputs=(Y,)), asked, endpoint)
    if refused:
        with pytest.raises(
            BadInputError, match=r"by PyTorch 2\.13\.0 here, .* is 2\.12, .*; install torch 2\.12 here"
        ):
            check_device(TINY, asked, endpoint)
    else:
        check_device(TINY, asked, endpoint)


@pytest.mark.parametrize(
    ("made_for", "asked", "refused"),
    [("cpu", {}, True), ("cpu", {"device": "cpu"}, False), ("cuda", {}, False)],
)
def test_a_ready_archive_for_the_cpu_is_not_sent_to_a_gpu(
    made_for: str, asked: dict[str, str], refused: bool, tmp_path: Path
) -> None:
    wanted = served_as("pt2", **asked)
    files: Mapping[str, str | bytes] = {
        "m/config.pbtxt": make_config(wanted, "cv", [X], [Y]),
        "m/1/model.pt2": aoti_label(made_for),
    }
    path = loose_archive(tmp_path / "mine.tar.gz", files)
    package = package_model(FileModel(source="file", path=path, inputs=(X,), outputs=(Y,)), wanted, tmp_path / "p")
    check_compiled(package.details, wanted, Local())
    endpoint = SageMakerEndpoint.model_validate(cloud.ENDPOINT)
    if refused:
        with pytest.raises(
            BadInputError, match=r"compiled for the CPU, and ml\.g5\.xlarge has a GPU; compile it on"
        ):
            check_compiled(package.details, wanted, endpoint)
    else:
        check_compiled(package.details, wanted, endpoint)


# --- served


@pytest.fixture
def target(either: LocalEndpoint, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Add a target of a config and a package; gives its name, of which there is one a test."""

    def add(text: str, model: bytes) -> str:
        name = f"{request.node.name.encode().hex()[-200:]}.tar.gz"
        files: Mapping[str, str | bytes] = {"m/config.pbtxt": text, "m/1/model.pt2": model}
        either.add_targets(loose_archive(tmp_path / "a.tar.gz", files), [name])
        return name

    return add


@pytest.fixture
def client(either: LocalEndpoint) -> Any:
    return runtime_client(either.url)


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_what_was_packaged_is_served(
    rows: int, packaged: Package, either: LocalEndpoint, client: Any, tmp_path: Path
) -> None:
    either.add_targets(packaged.archive, ["packaged.tar.gz"])
    (array,) = example(packaged.inputs, rows, 1, seed=rows)
    given = ("FP32", list(array.shape), array.ravel().tolist())
    got = np.array(ask(client, "packaged.tar.gz", INPUT__0=given)["OUTPUT__0"]).reshape(rows, 1000)
    folder = unpack(packaged.archive, tmp_path / "model", 10**8) / "1"
    wanted = torch._inductor.aoti_load_package(str(folder / "model.pt2"))(torch.from_numpy(array)).numpy()
    np.testing.assert_allclose(got, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (("INPUT__0", "INPUT__1"), ("OUTPUT__0", "OUTPUT__1")),
        (("INPUT__1", "INPUT__0"), ("OUTPUT__1",)),
        (("KWARGS[scale]", "ARGS[0]"), ("RESULT[1]", "RESULT[0]")),
        (("INPUT__1", "ARGS[0]"), ("RESULT[0]",)),
    ],
)
def test_tensors_by_number_or_by_the_models_names(
    inputs: tuple[str, ...], outputs: tuple[str, ...], scaled: bytes, target: Callable[..., str], client: Any
) -> None:
    values = {True: [1.0, 2.0, 3.0, 4.0], False: [5.0, 6.0, 7.0, 8.0]}
    given = {name: ("FP32", [2, 2], values["0" in name]) for name in inputs}
    wanted = {True: [15.0, 26.0, 37.0, 48.0], False: [11.0, 15.0]}
    found = ask(client, target(config(inputs, outputs), scaled), **given)
    assert found == {name: wanted["0" in name] for name in outputs}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (config(("INPUT__0",)), "has 1 inputs; the model has 2"),
        (config(("x", "scale")), r"names input x; the model has INPUT__0, INPUT__1, ARGS\[0\], KWARGS\[scale\]"),
        (config(("INPUT__0", "ARGS[0]")), "names one input of the model twice"),
        (config(outputs=("OUTPUT__2",)), r"names output OUTPUT__2; the model has OUTPUT__0, .*RESULT\[1\]"),
        (config().replace('"pytorch"', '"onnxruntime"'), 'platform torch_aoti is of backend "pytorch", and'),
        (config().replace("pytorch", "torch_aoti"), 'write backend: "pytorch" and platform: "torch_aoti"'),
        (config(inputs=()), "it has no input, and models of PyTorch do not tell theirs"),
    ],
)
def test_what_triton_would_not_load_is_refused(
    text: str, said: str, scaled: bytes, target: Callable[..., str], client: Any
) -> None:
    with pytest.raises(client.exceptions.ModelError, match=said):
        ask(client, target(text, scaled), INPUT__0=("FP32", [1, 2], [1.0, 2.0]))


@pytest.mark.parametrize("said", ["", 'platform: "torch_aoti"'])
def test_the_backend_may_be_left_to_be_found(
    said: str, scaled: bytes, target: Callable[..., str], client: Any
) -> None:
    text = config().replace('backend: "pytorch" platform: "torch_aoti"', said)
    given = {name: ("FP32", [1, 2], [1.0, 2.0]) for name in ("INPUT__0", "INPUT__1")}
    assert ask(client, target(text, scaled), **given) == {"OUTPUT__0": [11.0, 22.0]}


def test_a_package_for_another_device_is_refused(target: Callable[..., str], client: Any) -> None:
    name = target(config(), aoti_label("cuda", capability="90"))
    with pytest.raises(
        client.exceptions.ModelError, match=r"compiled for cuda .*capability 90.*run on the CPU here"
    ):
        ask(client, name, INPUT__0=("FP32", [1, 2], [1.0, 2.0]))


def test_its_library_lies_beside_it(scaled: bytes, tmp_path: Path) -> None:
    """Where it goes with the model; the system's folder would keep what a process that is killed leaves."""
    (tmp_path / "model.pt2").write_bytes(scaled)
    names = [{"name": f"INPUT__{number}", "data_type": "TYPE_FP32"} for number in range(2)]
    said = {"backend": "torch_aoti", "input": names, "output": [{"name": "OUTPUT__1", "data_type": "TYPE_FP32"}]}
    before = os.environ.get("TMPDIR")
    infer = open_model(model_options(said, tmp_path, None))
    assert len(list(tmp_path.glob("*/**/*.so"))) == 1
    assert os.environ.get("TMPDIR") == before
    (result,) = infer({f"INPUT__{number}": np.ones((3, 2), np.float32) for number in range(2)})
    assert result.tolist() == [[2.0], [2.0], [2.0]]
