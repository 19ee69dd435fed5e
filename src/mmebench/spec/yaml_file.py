"""A YAML file as a mapping, or one message that says in which line it is none."""

from pathlib import Path
from typing import Any

import yaml

from mmebench.errors import BadInputError

_ADVICE = {
    "mapping values are not allowed here": "indent keys of one level alike, and quote a text with a colon in it",
    "could not find expected ':'": "write KEY: VALUE, with a space after the colon",
    "cannot start any token": "indent with spaces, not with tabs, and quote a text that begins with such a letter",
    "expected <block end>": "indent keys and list items of one level alike",
    "expected ',' or": "close the bracket, or put a comma between its items",
    "did not find expected": "close what was opened: a bracket or a quote",
    "undefined alias": "quote a text that begins with *",
    "could not determine a constructor": "write the value without a tag; quote a text that begins with !",
    "single document": "a spec is one document; leave out the line of ---",
    "found unexpected end of stream": "close what was opened: a bracket or a quote",
}
"""By words of the parser."""


class _Loader(yaml.SafeLoader):
    """Of two keys that are the same YAML takes the last one; nobody means that."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, unless a key is in it twice."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise BadInputError(
                        f"line {line}: got {key.value} a second time, after line {seen[key.value]}; allowed: each "
                        "key once; keep one of them"
                    )
                seen[key.value] = line
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """What is in ``path``.

    Raises:
        BadInputError: it cannot be read, is no YAML, or has a key twice in one mapping.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise BadInputError(
            f"{path}: {error.strerror}; give the path of a spec, e.g. examples/demo.yaml"
        ) from None
    except UnicodeDecodeError:
        raise BadInputError(f"{path}: not a text file; a spec is YAML in UTF-8") from None
    except yaml.YAMLError as error:
        raise BadInputError(f"{path}: not valid YAML{_in_words(error)}") from None
    except RecursionError:
        raise BadInputError(f"{path}: nested too deeply; allowed: what examples/demo.yaml shows") from None
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from None
    except ValueError as error:  # a date that is none, a number that is too long
        raise BadInputError(f"{path}: got a value that YAML cannot read ({error}); put text in quotes") from None


def _in_words(error: yaml.YAMLError) -> str:
    """Where, what, and what to do."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    mark = getattr(error, "problem_mark", None)
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    known = " ".join(filter(None, (getattr(error, "context", None), problem)))
    advice = next((advice for words, advice in _ADVICE.items() if words in known), "write KEY: VALUE, a line each")
    return f"{where}: {problem}; {advice}"
