from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmebench.cli import cli
from mmebench.spec import ArchiveFolder, Auto, LocalEndpoint, SageMakerEndpoint
from mmebench.spec.reading import load_spec


def init(*arguments: object, answers: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["init", *map(str, arguments)], input=answers, standalone_mode=False)


def test_without_a_terminal_it_writes_what_can_be_run_here(tmp_path: Path) -> None:
    path = tmp_path / "first.yaml"
    result = init(path)
    assert result.return_value == 0
    assert f"next, mmebench check {path}" in result.output
    spec = load_spec(path)
    assert isinstance(spec.endpoint, LocalEndpoint)
    assert [platform.kind for platform in spec.platforms] == ["pt", "onnx"]
    assert spec.workload.profile.auto == Auto()
    assert not spec.objectives.percentiles


def test_flags_say_it_all(tmp_path: Path) -> None:
    path = tmp_path / "gpu.yaml"
    flags = ["--model", "huggingface:org/my-bert", "--platform", "trt", "--platform", "onnx"]
    flags += ["--instance-type", "ml.g5.xlarge", "--instance-type", "ml.g4dn.xlarge", "--p99", "200ms"]
    assert init(path, *flags).return_value == 0
    spec = load_spec(path)
    assert isinstance(spec.endpoint, SageMakerEndpoint)
    assert "name: org/my-bert" in path.read_text()
    assert spec.endpoint.instance_types == ("ml.g5.xlarge", "ml.g4dn.xlarge")
    assert spec.objectives.p99 == pytest.approx(0.2)
    assert spec.workload.profile.auto is not None


@pytest.mark.parametrize("name", ["mine.onnx", "my model.tar.gz", "mine: the second.pt"])
def test_a_file_of_ones_own(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file.yaml"
    assert init(path, "--model", tmp_path / name, "--platform", "onnx", "--memory", "2GiB").return_value == 0
    spec = load_spec(path)
    assert spec.model is not None
    assert spec.model.source == "file"
    assert spec.model.model_dump()["path"] == tmp_path / name


def test_a_folder_of_archives(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    assert init(path, "--models", "my models", "--memory", "2GiB", "--p99", "1s").return_value == 0
    spec = load_spec(path)
    assert isinstance(spec.models, ArchiveFolder)
    assert spec.models.folder == Path("my models")
    assert spec.workload.profile.auto is not None


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--platform", "tensorflow"], r"platforms.*got 'tensorflow'"),
        (["--p99", "200"], "200"),
        (["--p99", "soon"], "write a duration as 200ms"),
        (["--memory", "much"], "endpoint.memory"),
        (["--memory", "2GiB", "--instance-type", "ml.g5.xlarge"], "got --memory and --instance-type"),
        (["--model", "keras:resnet"], "keras"),
        (["--models", "archives", "--model", "timm:resnet18"], "got --models and --model"),
    ],
)
def test_what_no_spec_may_say_is_refused_and_nothing_is_written(
    tmp_path: Path, flags: list[str], words: str
) -> None:
    path = tmp_path / "wrong.yaml"
    result = init(path, *flags)
    assert result.exception is not None
    assert not path.exists()
    with pytest.raises(type(result.exception), match=f"(?s){words}"):
        raise result.exception


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine")
    assert "there is such a file" in str(init(path).exception)
    assert path.read_text() == "mine"
