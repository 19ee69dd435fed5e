"""What is not installed: each command of an install without extras says what it takes."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmebench import installing
from mmebench.installing import how_to_install, missing_module

ROOT = Path(__file__).parents[1]


class Installed:
    """As importlib.metadata has it."""

    requires = (
        "click>=8",
        "PyYAML>=6",
        "pandas; extra == 'models'",  # as an extra has it that has another in it
        "pandas; extra == 'report'",
        'onnx>=1 ; extra == "models"',
        "transformers<6; extra == 'models'",
    )

    def __init__(self, url: str | None) -> None:
        self._url = url

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self._url


def test_a_clone_is_what_is_installed_from(monkeypatch: pytest.MonkeyPatch) -> None:
    url = '{"url": "file:///a/my%20clone", "dir_info": {"editable": true}}'
    monkeypatch.setattr(installing, "distribution", lambda name: Installed(url))
    assert how_to_install("models") == "pip install -e '/a/my clone[models]'"


@pytest.mark.parametrize("url", [None, '{"url": "https://example.com/mmebench.whl", "archive_info": {}}'])
def test_a_package_is_installed_by_its_name(url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "distribution", lambda name: Installed(url))
    assert how_to_install("models") == "pip install 'mmebench[models]'"


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("onnx.helper", "this needs onnx, which is not installed; run: pip install 'mmebench[models]'"),
        ("pandas", "this needs pandas, which is not installed; run: pip install 'mmebench[report]'"),
        ("tokenizers", "this needs tokenizers, which is not installed; run: pip install 'mmebench[models]'"),
        ("yaml", "this needs yaml, which is not installed; run: pip install 'mmebench'"),
    ],
)
def test_the_extra_that_brings_a_module_is_named(module: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "distribution", lambda name: Installed(None))
    problem = missing_module(ModuleNotFoundError(f"No module named {module!r}", name=module))
    assert str(problem) == said


def test_a_module_that_nobody_promised_is_a_defect_of_ours() -> None:
    assert (
        missing_module(ModuleNotFoundError("No module named 'mmebench.nothing'", name="mmebench.nothing")) is None
    )


@pytest.mark.parametrize(
    ("module", "command", "extra"),
    [
        ("prometheus_client", ("serve", "."), "local"),
        ("numba", ("plan", "examples", "--models", "5", "--traffic", "zipf:1,5"), "plan"),
        ("torch", ("package", "examples/demo.yaml", "-o", "{scratch}"), "models"),
        ("timm", ("package", "examples/demo.yaml", "-o", "{scratch}"), "models"),
        ("transformers", ("package", "examples/bert.yaml", "-o", "{scratch}"), "models"),
    ],
)
def test_a_command_without_what_it_takes(
    module: str, command: tuple[str, ...], extra: str, tmp_path: Path
) -> None:
    """In a process of its own, in which the module cannot be found."""
    program = f"import sys; sys.modules[{module!r}] = None; from mmebench.cli import main; main()"
    arguments = [part.format(scratch=tmp_path / "packages") for part in command]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"needs {module}, which is not installed; run: {how_to_install(extra)}" in done.stderr
    assert "Traceback" not in done.stderr
