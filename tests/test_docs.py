"""The documentation: built without a warning, and true where a program can tell."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from mmebench.figures.by_model import summarise_models, without_models
from mmebench.figures.by_target import COLUMNS as BY_TARGET
from mmebench.figures.summary import summarise
from mmebench.figures.trades import find_trades
from mmebench.record.run import Capacity, FirstInvocation, StageWindow
from mmebench.spec.reading import read_spec
from support.fleets import write_fleet
from support.samples import Sample, sample_table, write_run
from support.variants import variant

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    specification = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def editors(generate: Any) -> dict[str, Any]:
    """What an editor makes of each schema; to make it takes longer than to use it."""
    return {name: Draft202012Validator(schema) for name, schema in generate.schemas().items()}


def test_it_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "spec" / "index.html").exists()


def test_the_fields_of_specs_are_those_of_the_models(generate: Any) -> None:
    assert (DOCS / "spec.md").read_text(encoding="utf-8") == generate.field_tables(), "run python docs/generate.py"
    for name, schema in generate.schemas().items():
        written = json.loads(json.dumps(schema))
        assert json.loads((DOCS / name).read_text(encoding="utf-8")) == written, "run python docs/generate.py"
        Draft202012Validator.check_schema(written)


def test_the_commands_are_those_of_the_tool(generate: Any) -> None:
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == generate.commands(), "run python docs/generate.py"


def specs() -> list[Any]:
    """Every example, and every spec that the documentation shows."""
    found = [(path.name, path.read_text(encoding="utf-8")) for path in sorted((ROOT / "examples").glob("*.yaml"))]
    for page in sorted(DOCS.glob("*.md")):
        blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        found += [(page.name, block) for block in blocks if re.search(r"^models?:", block, re.MULTILINE)]
    return [pytest.param(text, id=f"{name}-{number}") for number, (name, text) in enumerate(found)]


@pytest.mark.parametrize("text", specs())
def test_specs_that_are_shown_are_specs_for_us_and_for_editors(text: str, editors: dict[str, Any]) -> None:
    spec = yaml.safe_load(text)
    existing = spec.get("endpoint", {}).get("kind") == "existing"
    editors["spec.schema.json"].validate(spec)
    editors["load.schema.json" if existing else "run.schema.json"].validate(spec)
    if not existing:
        read_spec(spec, "the documentation")


def test_the_fleet_that_is_explained_is_the_example() -> None:
    shown = re.search(r"```yaml\n(.*?)```", (DOCS / "fleets.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    example = (ROOT / "examples" / "fleet.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(shown[1]) == yaml.safe_load(example)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_an_example_tells_an_editor_its_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    schema = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)
    assert schema is not None
    assert (path.parent / schema[1]).resolve() == DOCS / "run.schema.json"


RUN = {"model": {"source": "timm", "name": "x"}, "platforms": ["pt"]}
LOAD = {
    "endpoint": {"kind": "existing", "name": "e", "targets": ["a.tar.gz"]},
    "model": {"name": "x", "platform": "pt"},
    "workload": {"payload": {"file": "body"}},
}


@pytest.mark.parametrize("change", [{"foo": 1}, {"platforms": ["onx"]}, {"workload": {"timeout": []}}])
def test_an_editor_finds_what_is_wrong(change: dict[str, Any], editors: dict[str, Any]) -> None:
    for name in ("run.schema.json", "spec.schema.json"):
        editors[name].validate(RUN)
        with pytest.raises(ValidationError):
            editors[name].validate(RUN | change)


def test_an_editor_says_what_is_wrong_with_the_kind_of_spec_that_it_is(editors: dict[str, Any]) -> None:
    editor = editors["spec.schema.json"]
    editor.validate(LOAD)
    with pytest.raises(ValidationError, match="'platforms' was unexpected"):
        editor.validate(LOAD | {"platforms": ["pt"]})
    with pytest.raises(ValidationError, match="'platforms' is a required property"):
        editor.validate({"model": RUN["model"]})


def test_every_column_of_a_summary_is_described(tmp_path: Path) -> None:
    loads = (FirstInvocation(target="a", seconds=1, memory_used=1),)
    capacity = Capacity(fits=1, limited_by="limit", bytes_per_copy=None, memory_budget=None, loads=loads)
    write_run(
        tmp_path, sample_table([Sample(1, 2)]), (StageWindow(users=1, start=0, ready=0, end=1),), capacity=capacity
    )
    text = (DOCS / "results-format.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`([^`]+)`", text))
    for percentile in ("p90", "p95", "p99", "p99_9"):
        described |= {f"{percentile}_low_ms", f"{percentile}_high_ms"}
    assert [column for column in summarise(tmp_path).columns if column not in described] == []


def test_every_column_by_model_by_variant_and_by_target_is_described(tmp_path: Path) -> None:
    write_fleet(tmp_path, price=1.0)
    text = (DOCS / "results-format.md").read_text(encoding="utf-8")
    by_model, others = text.partition("## By model")[2].split("## By variant")
    by_variant, by_target = others.split("## By target")
    own = set(summarise_models(summarise(tmp_path)).columns) - set(without_models(summarise(tmp_path)).columns)
    assert len(own) == 7
    assert own - set(re.findall(r"`([^`]+)`", by_model)) == set()
    for name in ("binary", "json"):
        variant(tmp_path / "varied", name, 100, price=1.0)
    trades = set(find_trades(summarise(tmp_path / "varied")).columns)
    assert trades - set(re.findall(r"`([^`]+)`", by_variant)) == set()
    assert set(BY_TARGET) - set(re.findall(r"`([^`]+)`", by_target)) == set()
    whole = set(re.findall(r"`([^`]+)`", text.partition("## By model")[0]))
    assert "fairness_kinds" in whole & set(summarise(tmp_path).columns)


def test_the_files_that_are_shown_are_those_that_a_test_runs() -> None:
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    shown = re.findall(r"```(?:python|toml)\n(.*?)\n```", text, re.DOTALL)
    extras = ROOT / "tests" / "data" / "extras"
    ours = [path.read_text(encoding="utf-8") for path in extras.rglob("*") if path.suffix in (".py", ".toml")]
    assert len(shown) == 3
    assert all(any(block in file for file in ours) for block in shown)


def test_the_files_that_extending_names_are_there() -> None:
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    for module in re.findall(r"`(mmebench\.[a-z_.]+\.[A-Z]\w+)`", text):
        assert resolve_name(module.replace(module[module.rindex(".") :], ":" + module[module.rindex(".") + 1 :]))
    for path in re.findall(r"`((?:spec|models|benchmark|server)/[a-z_/]+\.py)`", text):
        assert (ROOT / "src" / "mmebench" / path).exists(), path
