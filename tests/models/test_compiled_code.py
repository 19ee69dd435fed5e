"""Code that a job compiles. Its container is bash and Python here, and compiles for this CPU: there is no GPU."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.export.passes import move_to_device_pass

from mmebench.endpoints.sagemaker.build_job import script
from mmebench.endpoints.sagemaker.compile_job import CompileJob
from mmebench.endpoints.sagemaker.opener import SageMakerOpener
from mmebench.errors import BadInputError, MmebenchError
from mmebench.formats.archive import unpack
from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import parse
from mmebench.models import package as packages
from mmebench.models.compiled_code import exported_program, package_code
from mmebench.models.device import check_compiled
from mmebench.models.model import Model
from mmebench.models.package import Package, package_model
from mmebench.models.platforms import find_exporter
from mmebench.models.sources import load_model
from mmebench.server.backends.inference.torch_aoti import load
from mmebench.spec import FileModel, SageMakerEndpoint, TimmModel
from support import cloud
from support.platforms import served_as
from support.tiny_models import aoti_label

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")]

PT2 = served_as("pt2")
ENDPOINT = SageMakerEndpoint.model_validate(
    cloud.ENDPOINT | {"triton": "26.06", "compiler_image": "1/pytorch:mine"}
)
TINY = TimmModel(source="timm", name="test_resnet", weights="random")
SAID: dict[str, Any] = {
    "torch": "2.12.1+cu130", "cuda": "13.0", "gpu": "NVIDIA A10G", "max_absolute": 2.0, "max_relative": 1e-3,
    "shapes": [[8, 3, 160, 160]],
}  # fmt: skip


class Shallow(torch.nn.Sequential):
    """Takes and gives what a ResNet does, and is compiled in seconds."""

    def __init__(self) -> None:
        super().__init__(torch.nn.AvgPool2d(32), torch.nn.Flatten(), torch.nn.Linear(75, 1000))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Of a model that takes images."""
    model = load_model(TINY)
    assert isinstance(model, Model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packages, "_load", lambda _: replace(model, module=Shallow().eval()))
        return package_model(TINY, exported_program(PT2), tmp_path_factory.mktemp("packages"))


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The job's script with the job's program, told to compile for the CPU, and python3 of this environment."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "bin" / "python3").chmod(0o755)

    def build(
        self: CompileJob, model: Path, options: Sequence[str], folder: Path, progress: Callable[[str], None]
    ) -> None:
        program = self.program(options)
        assert "--device cuda" in program.command
        here = program._replace(command=program.command.replace("--device cuda", "--device cpu"))
        written = script(here, str(model), str(folder), str(tmp_path / "failure"))
        environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        environment |= {"AOT_INDUCTOR_COMPILE_WRAPPER_OPT_LEVEL": "O0"}
        ran = subprocess.run(["/bin/bash", "-c", written], env=environment, cwd="/", check=False)
        if ran.returncode:
            raise MmebenchError((tmp_path / "failure").read_text())

    monkeypatch.setattr(CompileJob, "build", build)
    return build


def compiled(
    exported: Package, tmp_path: Path, told: list[str], endpoint: SageMakerEndpoint = ENDPOINT
) -> Package:
    return package_code(exported, PT2, 128, endpoint, tmp_path / "packages", told.append)


@pytest.fixture
def packages_folder(tmp_path: Path) -> Path:
    (tmp_path / "packages").mkdir()
    return tmp_path / "packages"


def test_a_program_is_compiled_checked_and_packaged(
    exported: Package, container: object, packages_folder: Path, tmp_path: Path
) -> None:
    folder = unpack(exported.archive, tmp_path / "exported", 100_000_000) / "1"
    files = {"compiler.py", "examples.pt", "exported.pt2", "options.json"}
    assert {path.name for path in folder.iterdir()} == files
    told = list[str]()
    made = compiled(exported, tmp_path, told)
    assert (made.platform, made.precision, made.weights) == ("pt2", "fp32", exported.weights)
    assert made.parity is not None
    assert 0 < made.parity.max_relative < 1e-4
    assert {shape[0] for shape in made.parity.shapes} == {1, 4, 8}
    details = made.details
    assert details["compiled_by"] == {"torch": torch.__version__, "cuda": None, "gpu": None}
    assert (details["compiler"], details["built_with"]) == (["--serving", "2.13"], "ml.g5.xlarge, pytorch:mine")
    assert (details["compiled_for"]["device"], details["libraries"]["torch"]) == ("cpu", torch.__version__)
    assert "fingerprint" not in details, "it is not what the model is exported to"
    folder = unpack(made.archive, tmp_path / "unpacked", 100_000_000)
    config = parse((folder / "config.pbtxt").read_text(), "config.pbtxt")
    assert (config.platform, config.max_batch_size, config.input[0].name) == ("torch_aoti", 8, "INPUT__0")
    assert [path.name for path in (folder / "1").iterdir()] == ["model.pt2"]
    (result,) = load(folder / "1" / "model.pt2", None).run([torch.zeros(3, 3, 160, 160)])
    assert result.shape == (3, 1000)
    assert (
        "of the largest output" in made.archive.with_name(made.archive.name.replace(".tar.gz", ".log")).read_text()
    )
    with pytest.raises(BadInputError, match=r"compiled for the CPU, and ml\.g5\.xlarge has a GPU"):
        check_compiled(details, PT2, ENDPOINT)
    assert compiled(exported, tmp_path, told) == made
    assert told[-1].endswith("is there from an earlier start")


def test_why_the_compiler_failed(
    exported: Package, container: object, packages_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = ENDPOINT.model_copy(update={"triton": "26.03"})
    with pytest.raises(
        MmebenchError, match=rf"got PyTorch {torch.__version__[:4]}.*image with PyTorch 2\.11 or older"
    ):
        compiled(exported, tmp_path, [], older)
    build = CompileJob.build

    def damaged(self: CompileJob, model: Path, *arguments: Any) -> None:
        (model / "exported.pt2").write_bytes(b"of another time")
        build(self, model, *arguments)

    monkeypatch.setattr(CompileJob, "build", damaged)
    with pytest.raises(MmebenchError, match=r"exported with PyTorch 2\..* of this image cannot read"):
        compiled(exported, tmp_path, [])
    assert not list(packages_folder.iterdir())


@pytest.mark.parametrize(
    ("label", "said", "outcome"),
    [
        ("cuda", {}, "compiled by PyTorch 2.12.1+cu130, 0.001 from the program"),
        (
            "cuda",
            {"torch": "2.12.0a0+5aff.nv26.05"},
            "it is served by PyTorch 2.13, which is newer; code of older",
        ),
        (
            "cuda",
            {"max_relative": 0.02},
            MmebenchError("test_resnet: the code differs .* by 0.02 .*; test_resnet-pt2-"),
        ),
        ("cuda", {"max_relative": float("nan")}, MmebenchError("differs from the program")),
        ("cuda", {"torch": None}, MmebenchError("left no compiled.json that can be read")),
        ("", {}, MmebenchError("no package of AOTInductor")),
    ],
)
def test_what_a_job_left_is_judged(
    label: str,
    said: dict[str, Any],
    outcome: str | MmebenchError,
    exported: Package,
    packages_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(self: CompileJob, model: Path, options: object, folder: Path, progress: object) -> None:
        (folder / "model.pt2").write_bytes(aoti_label(label, capability="86") if label else b"")
        (folder / "compiled.json").write_text(json.dumps(SAID | said))

    monkeypatch.setattr(CompileJob, "build", build)
    told = list[str]()
    if isinstance(outcome, MmebenchError):
        with pytest.raises(MmebenchError, match=str(outcome)):
            compiled(exported, tmp_path, told)
        assert not list(packages_folder.glob("*.tar.gz"))
    else:
        made = compiled(exported, tmp_path, told)
        assert any(text.startswith(outcome) for text in told)
        assert made.details["compiled_by"]["gpu"] == "NVIDIA A10G"
        check_compiled(made.details, PT2, ENDPOINT)


@pytest.mark.parametrize(("precision", "most"), [("fp32", 4), ("fp16", 4), ("fp32", 0)])
def test_texts_and_other_precisions_are_programs_too(
    precision: str, most: int, text_model: Model, tmp_path: Path
) -> None:
    """That each runs as it was read back is what parity says, which a package is checked for."""
    asked = exported_program(served_as("pt2", precision=precision, max_batch_size=most))
    made = find_exporter(asked).export(text_model, asked, tmp_path)
    assert made.reference is not None
    arrays = [tensor.numpy() for tensor in torch.load(tmp_path / "examples.pt")[0]]
    assert len(arrays) == len(made.inputs)
    for wanted, got in zip(made.reference(arrays), made.run(arrays), strict=True):
        assert abs(wanted - got).max() < (0.05 if precision == "fp16" else 1e-4)
    # A device without memory stands for a GPU.
    moved = move_to_device_pass(torch.export.load(tmp_path / "exported.pt2"), "meta")
    assert {tensor.device.type for tensor in (*moved.state_dict.values(), *moved.constants.values())} == {"meta"}
    nodes = list(moved.graph.nodes)
    made_there = [node.meta["val"].device.type for node in nodes if hasattr(node.meta.get("val"), "device")]
    assert set(made_there) == {"meta"}
    assert not [node for node in nodes if "cpu" in map(str, (*node.args, *node.kwargs.values()))]


def test_only_models_in_pytorch_are_compiled_there() -> None:
    tensors, form = (TensorSpec(name="x", datatype="FP32", shape=(4,)),), exported_program(PT2)
    file = FileModel(source="file", path=Path("m.pt2"), inputs=tensors, outputs=tensors)
    with pytest.raises(BadInputError, match=r"m\.pt2 is not compiled in a job: it takes a model of timm"):
        find_exporter(form).check(file, form)
    assert SageMakerOpener().compiler(ENDPOINT.model_copy(update={"engine_builder": "local"})) is None
