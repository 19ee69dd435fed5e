"""Typical mistakes: each has one message, with what was got, what is allowed and what to do."""

import importlib.util
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mmebench.cli import main
from mmebench.errors import BadInputError
from mmebench.spec import Spec
from mmebench.spec.load import LoadSpec
from mmebench.spec.reading import load_spec, read_load_spec

HERE = Path(__file__).parent
SPECS: list[dict[str, Any]] = yaml.safe_load((HERE / "specs.yaml").read_text(encoding="utf-8"))
TAKEN = [each for each in SPECS if "taken" in each]
REFUSED = [each for each in SPECS if "taken" not in each]

RUN: dict[str, Any] = {"model": {"source": "timm", "name": "resnet18"}, "platforms": ["pt"]}
FLEET: dict[str, Any] = {
    "models": {
        "photos": {"model": {"source": "timm", "name": "resnet18"}, "platform": "onnx"},
        "reviews": {"model": {"source": "huggingface", "name": "bert-base-uncased"}, "platform": "pt"},
    }
}
LOAD: dict[str, Any] = {
    "endpoint": {"kind": "existing", "name": "e", "targets": ["a.tar.gz"]},
    "model": {"name": "m", "platform": "onnx", "inputs": [{"name": "x", "datatype": "FP32", "shape": [4]}]},
}


def names(entries: list[dict[str, Any]]) -> Any:
    return [pytest.param(each, id=each["what"]) for each in entries]


def written(mistake: dict[str, Any]) -> str:
    if "text" in mistake:
        return str(mistake["text"])
    if "fleet" in mistake:
        return yaml.safe_dump(merged(FLEET, mistake["fleet"]))
    changed = LOAD | mistake["load"] if "load" in mistake else RUN | mistake["spec"]
    return yaml.safe_dump(changed)


def merged(whole: Any, change: Any) -> Any:
    """Mappings within mappings, too."""
    if not (isinstance(whole, dict) and isinstance(change, dict)):
        return change
    return whole | {key: merged(whole.get(key), value) for key, value in change.items()}


@pytest.fixture(scope="module")
def schemas() -> dict[type[Spec] | type[LoadSpec], Any]:
    """As editors have them."""
    path = HERE.parents[1] / "docs" / "generate.py"
    specification = importlib.util.spec_from_file_location("generate", path)
    assert specification is not None
    assert specification.loader is not None
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    return {kind: jsonschema.Draft202012Validator(generate.editor_schema(kind)) for kind in (Spec, LoadSpec)}


def test_there_are_eighty_of_them() -> None:
    assert len(REFUSED) >= 80
    assert len({each["what"] for each in SPECS}) == len(SPECS)


@pytest.mark.parametrize("mistake", names(REFUSED))
def test_a_mistake_is_told(mistake: dict[str, Any], tmp_path: Path, schemas: Any) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(written(mistake), encoding="utf-8")
    loading = "load" in mistake
    with pytest.raises(BadInputError) as caught:
        (read_load_spec if loading else load_spec)(path)
    message = str(caught.value)
    for part in ("got", "allowed", "do"):
        assert mistake[part] in message
    assert message.startswith(str(path))
    assert len(message.splitlines()) == 1 + (": not a valid spec\n" in message), "one line a mistake"
    assert "pydantic" not in message
    assert "nput should" not in message
    if "text" not in mistake:
        right = schemas[LoadSpec if loading else Spec].is_valid(yaml.safe_load(path.read_text(encoding="utf-8")))
        assert right is not mistake.get("editor", True), "an editor says so, too, unless no schema can"


def part_of(small: Any, large: Any) -> bool:
    if isinstance(small, dict):
        return all(key in large and part_of(value, large[key]) for key, value in small.items())
    if isinstance(small, list):
        return len(small) == len(large) and all(map(part_of, small, large))
    return bool(small == large)


@pytest.mark.parametrize("short", names(TAKEN))
def test_what_is_obvious_is_taken(short: dict[str, Any], tmp_path: Path, schemas: Any) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(written(short), encoding="utf-8")
    assert part_of(short["taken"], load_spec(path).model_dump(mode="json"))
    schemas[Spec].validate(yaml.safe_load(path.read_text(encoding="utf-8")))


COMMANDS: list[dict[str, str]] = yaml.safe_load((HERE / "commands.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("mistake", names(COMMANDS))
def test_a_mistake_on_the_command_line_is_told(
    mistake: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(RUN), encoding="utf-8")
    (tmp_path / "load.yaml").write_text(yaml.safe_dump(LOAD), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MMEBENCH_TOKEN", raising=False)
    monkeypatch.setattr("sys.argv", ["mmebench", *shlex.split(mistake["command"])])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, ""), said.err
    for part in ("got", "allowed", "do"):
        assert mistake[part] in said.err
