import re
from pathlib import Path

from click.testing import CliRunner

from mmebench.cli import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_spec_in_the_readme_is_the_example() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    for_editors, _, spec = (ROOT / "examples" / "bert.yaml").read_text(encoding="utf-8").partition("\n")
    assert for_editors.startswith("# yaml-language-server")
    assert shown == spec


def test_links_lead_to_files() -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\((?!http)([^)]+)\)", README)]
    assert links
    assert [link for link in links if link and not (ROOT / link).exists()] == []


def test_commands_exist() -> None:
    listed = set(re.findall(r"`mmebench ([\w-]+)", README))
    assert {"run", "package", "serve", "report"} <= listed
    for command in listed:
        assert CliRunner().invoke(cli, [command, "--help"]).exit_code == 0


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make (\w+)", README)) <= targets
