"""``python docs/generate.py``: write what documentation says of specs, from the models themselves.

``spec.md`` lists every field; ``spec.schema.json`` is for editors, which complete and check a spec with it.
"""

import json
from pathlib import Path
from typing import Any

from mmebench.spec import PLATFORMS, Spec
from mmebench.spec.load import LoadSpec

HERE = Path(__file__).parent

_INTRODUCTION = """# Every field of a spec

A spec is one YAML file. What is left out has its default; what is unknown or wrong is refused before anything
starts. Durations are written `200ms`, `30s`, `2m` or as a number of seconds; sizes `4GiB`, `500MB` or as a number
of bytes.

Editors with a YAML language server complete and check specs with [spec.schema.json](spec.schema.json):

    # yaml-language-server: $schema=spec.schema.json

This page is made from the models that read specs.
"""
_OTHER_PLATFORMS = ("python", "ensemble", "dali", "fil", "tensorrtllm", "vllm")
"""Of ready archives. Any name may be one; editors complete these, as most others are slips."""
_TITLES = {"Spec": "A spec of `mmebench run`", "LoadSpec": "A spec of `mmebench load`"}


def editor_schema() -> dict[str, Any]:
    """The JSON schema of both kinds of specs, as people write them: a platform may be its bare name."""
    run, load = Spec.model_json_schema(), LoadSpec.model_json_schema()
    definitions = run.pop("$defs") | load.pop("$defs")
    platforms = run["properties"]["platforms"]
    # Of any name there can be a ready archive, so that a mapping may be one of ours and that one, too.
    platforms["items"] = {"anyOf": [{"enum": [*PLATFORMS, *_OTHER_PLATFORMS]}, *platforms["items"]["oneOf"]]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mmebench spec",
        "$defs": definitions | {"Spec": run, "LoadSpec": load},
        "anyOf": [{"$ref": "#/$defs/Spec"}, {"$ref": "#/$defs/LoadSpec"}],
    }


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
        values = schema.get("additionalProperties")
        return f"mapping to {_allowed(values)}" if isinstance(values, dict) else "mapping"
    return f"{kind}{_bounds(schema)}"


def _bounds(schema: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return "".join(f" {sign} {schema[name]:g}" for name, sign in signs.items() if name in schema)


def _text(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write both files."""
    (HERE / "spec.md").write_text(field_tables(), encoding="utf-8")
    (HERE / "spec.schema.json").write_text(json.dumps(editor_schema(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
