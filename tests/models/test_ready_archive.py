"""Ready Triton archives: what their config says is what counts."""

from pathlib import Path

import pytest

from mmebench.errors import BadInputError
from mmebench.formats.archive import pack
from mmebench.formats.tensors import TensorSpec
from mmebench.models.archive_completion import complete_archives
from mmebench.models.package import package_model
from mmebench.models.platforms import find_exporter
from mmebench.spec import FileModel, PlatformSpec, Spec
from support.platforms import served_as

X = TensorSpec(name="x", datatype="FP32", shape=(4,))
Y = TensorSpec(name="y", datatype="FP32", shape=(2,))
PT, ONNX, PYTHON, ENSEMBLE = (served_as(kind) for kind in ("pt", "onnx", "python", "ensemble"))

TENSORS = """
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 2 }
"""
CONFIG = f'backend: "onnxruntime"\nmax_batch_size: 16{TENSORS}'
STEP = 'step { model_name: "inner" input_map { key: "x" value: "x" } output_map { key: "y" value: "y" } }'


def ready(folder: Path, config: str = CONFIG) -> FileModel:
    model = folder / "mine"
    (model / "1").mkdir(parents=True)
    (model / "1" / "model.onnx").write_bytes(b"weights")
    (model / "config.pbtxt").write_text(config)
    return packed(model)


def packed(model: Path) -> FileModel:
    archive = model.with_name("mine.tar.gz")
    pack(model, archive)
    return FileModel(source="file", path=archive, inputs=(X,), outputs=(Y,))


def refusal(model: FileModel, platform: PlatformSpec, directory: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        package_model(model, platform, directory)
    assert list(directory.iterdir()) == []
    return str(caught.value)


def test_it_is_served_as_it_is(tmp_path: Path) -> None:
    model = ready(tmp_path)
    package = package_model(model, ONNX, tmp_path / "p")
    assert package.archive.read_bytes() == model.path.read_bytes()
    assert package.max_batch_size == 16
    assert package.parity is None
    assert package_model(model, ONNX, tmp_path / "p") == package


def test_a_ready_engine_needs_no_builder(tmp_path: Path) -> None:
    model = ready(tmp_path, CONFIG.replace('backend: "onnxruntime"', 'platform: "tensorrt_plan"'))
    assert package_model(model, served_as("trt"), tmp_path / "p").platform == "trt"


@pytest.mark.parametrize(
    ("config", "size", "joined"),
    [
        (CONFIG, 16, False),
        (CONFIG + "dynamic_batching { }", 16, True),
        (CONFIG.replace("max_batch_size: 16", "max_batch_size: 0"), 0, False),
    ],
)
def test_its_config_decides_how_requests_are_batched(config: str, size: int, joined: bool, tmp_path: Path) -> None:
    package = package_model(ready(tmp_path, config), ONNX, tmp_path / "p")
    assert (package.max_batch_size, package.dynamic_batching) == (size, joined)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (CONFIG, {"max_batch_size": 16, "dynamic_batching": None}),
        (CONFIG.replace("max_batch_size: 16", "max_batch_size: 0"), {"max_batch_size": 0}),
        (
            CONFIG + "dynamic_batching { preferred_batch_size: 8 max_queue_delay_microseconds: 500 }",
            {"dynamic_batching": {"preferred": [8], "max_queue_delay": "500us"}},
        ),
        (CONFIG + "instance_group { count: 2 kind: KIND_CPU }", {"instances": 2, "device": "cpu"}),
        (CONFIG, {"instances": 1, "device": "gpu"}),
    ],
)
def test_what_it_says_may_be_said_in_the_spec(config: str, said: dict[str, object], tmp_path: Path) -> None:
    platform = served_as({"kind": "onnx"} | said)
    package_model(ready(tmp_path, config), platform, tmp_path / "p")


@pytest.mark.parametrize(
    ("config", "platform", "said"),
    [
        (CONFIG.replace("max_batch_size", "max_batch"), {}, "mine.tar.gz/config.pbtxt:2:1"),
        (
            CONFIG,
            {"kind": "pt"},
            "for onnxruntime (onnx), and the spec says platform pt; leave that out, or write onnx",
        ),
        (CONFIG.replace("onnxruntime", "python"), {}, "made for python"),
        (CONFIG, {"precision": "fp16"}, "leave out of the platform: precision"),
        (CONFIG, {"max_batch_size": 4}, "with max_batch_size 16; the platform says 4"),
        (CONFIG, {"dynamic_batching": {}}, "with dynamic_batching null; the platform says preferred=()"),
        (CONFIG, {"instances": 2}, "with instances 1; the platform says 2"),
        (CONFIG.replace('"x"', '"z"'), {}, "has no input x FP32 [4]; its inputs are z FP32 [4]"),
        (CONFIG + 'input { name: "z" data_type: TYPE_BOOL dims: 1 }', {}, "leaves out z"),
        (CONFIG.replace("dims: 2", "dims: 3"), {}, "has no output y FP32 [2]"),
    ],
)
def test_one_that_differs_is_refused(config: str, platform: dict[str, object], said: str, tmp_path: Path) -> None:
    wanted = served_as({"kind": "onnx"} | platform)
    assert said in refusal(ready(tmp_path, config), wanted, tmp_path / "p")


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.tar.gz").write_text("hello")
    model = FileModel(source="file", path=tmp_path / "mine.tar.gz", inputs=(X,), outputs=(Y,))
    assert "not a gzipped tar" in refusal(model, ONNX, tmp_path / "p")


def test_a_model_of_any_backend_is_packaged(tmp_path: Path) -> None:
    package = package_model(ready(tmp_path, CONFIG.replace("onnxruntime", "python")), PYTHON, tmp_path / "p")
    assert (package.platform, package.archive.name) == ("python", "mine-python.tar.gz")


def test_a_backend_that_nobody_else_has_is_packaged(tmp_path: Path) -> None:
    wanted = served_as("house_made")
    package = package_model(ready(tmp_path, CONFIG.replace("onnxruntime", "house_made")), wanted, tmp_path / "p")
    assert package.platform == "house_made"


@pytest.mark.parametrize("backend", ["onnxruntime", "python", "house_made"])
def test_what_it_is_served_as_may_be_left_out_of_the_spec(backend: str, tmp_path: Path) -> None:
    model = ready(tmp_path, CONFIG.replace("onnxruntime", backend))
    spec = Spec(model=model)
    assert spec.platforms == ()
    (platform,) = complete_archives(spec).platforms
    assert platform.kind == ("onnx" if backend == "onnxruntime" else backend)
    assert package_model(model, platform, tmp_path / "p").platform == platform.kind


def test_one_that_does_not_say_what_it_is_served_as_is_refused(tmp_path: Path) -> None:
    spec = Spec(model=ready(tmp_path, CONFIG.replace('backend: "onnxruntime"', "")))
    with pytest.raises(BadInputError, match=r"mine\.tar\.gz/config\.pbtxt: names neither backend nor platform"):
        complete_archives(spec)


@pytest.mark.parametrize("left_out", ["input", "output"])
def test_what_is_left_for_triton_to_find_is_as_the_spec_says(left_out: str, tmp_path: Path) -> None:
    config = "\n".join(line for line in CONFIG.splitlines() if not line.startswith(left_out))
    assert package_model(ready(tmp_path, config), ONNX, tmp_path / "p").max_batch_size == 16


def test_whether_there_is_a_batch_is_not_left_to_triton(tmp_path: Path) -> None:
    said = refusal(ready(tmp_path, 'backend: "onnxruntime"'), ONNX, tmp_path / "p")
    assert "it leaves inputs, outputs and max_batch_size to Triton; name one of them" in said


def test_nothing_is_exported_to_a_backend_of_ready_archives() -> None:
    with pytest.raises(BadInputError, match=r"got python, which serves ready Triton archives .*: pt, pt2, onnx"):
        find_exporter(served_as("python"))


# --- the layout ----------------------------------------------------------------------------------------------


def tar(folder: Path) -> FileModel:
    """All that is in ``folder``, at the top of an archive."""
    import tarfile

    archive = folder.with_name("mine.tar.gz")
    with tarfile.open(archive, "w:gz") as file:
        for path in sorted(folder.iterdir()):
            file.add(path, path.name)
    return FileModel(source="file", path=archive, inputs=(X,), outputs=(Y,))


def model(folder: Path, config: str) -> None:
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text(config)


def test_files_beside_the_folder_are_no_part_of_it(tmp_path: Path) -> None:
    model(tmp_path / "top" / "mine", CONFIG)
    for name in ("._mine", ".DS_Store", "README.md"):
        (tmp_path / "top" / name).write_text("not a model")
    assert package_model(tar(tmp_path / "top"), ONNX, tmp_path / "p").max_batch_size == 16


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    assert package_model(ready(tmp_path, "\ufeff" + CONFIG), ONNX, tmp_path / "p").max_batch_size == 16


@pytest.mark.parametrize("joined", [True, False])
def test_of_several_folders_the_ensemble_is_served(joined: bool, tmp_path: Path) -> None:
    top = tmp_path / "top"
    model(top / "inner", CONFIG + ("dynamic_batching { }" if joined else ""))
    model(top / "whole", f'platform: "ensemble"\nmax_batch_size: 8{TENSORS}ensemble_scheduling {{ {STEP} }}')
    package = package_model(tar(top), ENSEMBLE, tmp_path / "p")
    assert (package.platform, package.max_batch_size, package.dynamic_batching) == ("ensemble", 8, joined)


def test_several_folders_without_an_ensemble_are_refused(tmp_path: Path) -> None:
    model(tmp_path / "top" / "one", CONFIG)
    model(tmp_path / "top" / "two", CONFIG)
    said = refusal(tar(tmp_path / "top"), ONNX, tmp_path / "p")
    assert "at its top is one, two; allowed: one folder with config.pbtxt and 1/" in said
    assert "one of them an ensemble" in said
