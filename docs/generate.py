"""``python docs/generate.py``: write what documentation says of specs and commands, from these themselves.

``cli.md`` has every command's help, ``spec.md`` every field; ``run.schema.json``, ``load.schema.json`` and, for
both, ``spec.schema.json`` are what editors complete and check a spec with.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from mmebench.cli import cli
from mmebench.spec import PLATFORMS, Spec
from mmebench.spec.load import LoadSpec
from mmebench.spec.strict import Strict

HERE = Path(__file__).parent

_INTRODUCTION = """# Every field of a spec

A spec is one YAML file. What is left out has its default; what is unknown or wrong is refused before anything
starts. Durations are written `200ms`, `30s`, `2m` or as a number of seconds, but latencies of objectives always
with their unit; sizes `4GiB` or `500MB`; shares `1%` or `0.01`. Where a list is asked for, one item may stand for
itself, and a bare name for a mapping that has nothing else in it: `platforms: pt`, `popularity: zipf`.

Editors with a YAML language server complete and check a spec by its first line. There is a schema for specs of
`mmebench run`, [run.schema.json](run.schema.json), and one for those of `mmebench load`,
[load.schema.json](load.schema.json); [spec.schema.json](spec.schema.json) tells the two apart by the endpoint:

    # yaml-language-server: $schema=run.schema.json

This page is made from the models that read specs.
"""
_OTHER_PLATFORMS = ("python", "ensemble", "dali", "fil", "tensorrtllm", "vllm")
"""Of ready archives. Any name may be one; editors complete these, as most others are slips."""
_COMMANDS = """# Commands

Every command says the same with `--help`, which is quick: it imports nothing that it does not need. To complete
commands, options and files, put one of these into your shell's start file:

    eval "$(_MMEBENCH_COMPLETE=bash_source mmebench)"       # ~/.bashrc
    eval "$(_MMEBENCH_COMPLETE=zsh_source mmebench)"        # ~/.zshrc
    _MMEBENCH_COMPLETE=fish_source mmebench | source        # ~/.config/fish/config.fish

This page is made from the commands themselves.
"""
_TITLES = {"Spec": "A spec of `mmebench run`", "LoadSpec": "A spec of `mmebench load`"}


def editor_schema(kind: type[Strict]) -> dict[str, Any]:
    """The JSON schema of a kind of spec, as people write it."""
    schema = kind.model_json_schema()
    if "platforms" in schema["properties"]:
        # Of any name there can be a ready archive, so that a mapping may be one of ours and that one, too.
        for form in _listed_platforms(schema["properties"]["platforms"]):
            form["enum"] = [*PLATFORMS, *_OTHER_PLATFORMS]
        _any_of(schema["properties"]["platforms"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": _TITLES[kind.__name__]}


def both_schemas() -> dict[str, Any]:
    """For a folder with both kinds of specs: the endpoint says which is meant, and mistakes are of that one."""
    existing = {"properties": {"kind": {"const": "existing"}}, "required": ["kind"]}
    run, load = editor_schema(Spec), editor_schema(LoadSpec)
    definitions = run.pop("$defs") | load.pop("$defs")
    return {
        "$schema": run.pop("$schema"),
        "title": "A spec of mmebench",
        "$defs": definitions,
        "if": {"properties": {"endpoint": existing}, "required": ["endpoint"]},
        "then": {key: value for key, value in load.items() if key != "$schema"},
        "else": run,
    }


def schemas() -> dict[str, dict[str, Any]]:
    """By the name of the file."""
    return {
        "run.schema.json": editor_schema(Spec),
        "load.schema.json": editor_schema(LoadSpec),
        "spec.schema.json": both_schemas(),
    }


def _listed_platforms(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The lists of names, wherever they stand in it."""
    if "enum" in node:
        yield node
    for each in [*node.get("anyOf", ()), *([node["items"]] if "items" in node else [])]:
        yield from _listed_platforms(each)


def _any_of(node: dict[str, Any]) -> None:
    """``oneOf`` as ``anyOf``, in place, all through it."""
    if "oneOf" in node:
        node["anyOf"] = node.pop("oneOf")
    for each in [*node.get("anyOf", ()), *([node["items"]] if "items" in node else [])]:
        _any_of(each)


def field_tables() -> str:
    """A section for each part of a spec."""
    sections = [_INTRODUCTION]
    seen: set[str] = set()
    for kind in (Spec, LoadSpec):
        schema = kind.model_json_schema()
        definitions = schema.pop("$defs")
        for name, part in ((kind.__name__, schema), *sorted(definitions.items())):
            if name not in seen and "properties" in part:
                seen.add(name)
                sections.append(_section(name, part))
    return "\n".join(sections)


def _section(name: str, part: dict[str, Any]) -> str:
    lines = [f"## {_TITLES.get(name, name)}", "", part.get("description", ""), ""]
    lines += ["| field | allowed | default | |", "|---|---|---|---|"]
    required = part.get("required", ())
    for field, schema in part["properties"].items():
        default = "**required**" if field in required else _default(schema)
        lines.append(f"| `{field}` | {_allowed(schema)} | {default} | {_text(schema.get('description', ''))} |")
    return "\n".join([*lines, ""])


def _default(schema: dict[str, Any]) -> str:
    if isinstance(schema.get("default", {}), dict):
        return "its own defaults"
    return f"`{json.dumps(schema['default'])}`"


def _allowed(schema: dict[str, Any]) -> str:
    """The type in words, with links to parts."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_allowed(each) for each in schema[several]))
    kind = schema.get("format") or schema.get("type", "anything")
    if kind == "array":
        items = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        return f"list of {_allowed(items)}"
    if kind == "object":
        values = schema.get("additionalProperties") or next(
            iter(schema.get("patternProperties", {}).values()), None
        )
        return f"mapping to {_allowed(values)}" if isinstance(values, dict) else "mapping"
    return f"{kind}{_bounds(schema)}"


def _bounds(schema: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return "".join(f" {sign} {schema[name]:g}" for name, sign in signs.items() if name in schema)


def _text(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def commands() -> str:
    """The page of all commands, as their own help has it."""
    context = click.Context(cli, info_name="mmebench", **cli.context_settings)
    sections = [_COMMANDS, _help(cli, context)]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        own = click.Context(command, info_name=name, parent=context)
        sections += [f"## mmebench {name}\n", _help(command, own)]
    return "\n".join(sections)


def _help(command: click.Command, context: click.Context) -> str:
    context.max_content_width = 100
    context.terminal_width = 100
    return f"```text\n{command.get_help(context)}\n```\n"


def main() -> None:
    """Write all of them."""
    (HERE / "cli.md").write_text(commands(), encoding="utf-8")
    (HERE / "spec.md").write_text(field_tables(), encoding="utf-8")
    for name, schema in schemas().items():
        (HERE / name).write_text(json.dumps(schema, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
