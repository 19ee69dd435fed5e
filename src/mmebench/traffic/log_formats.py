"""Kinds of logs, and how each says when a request came and what it was for."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mmebench.errors import BadInputError

if TYPE_CHECKING:
    import duckdb

_TIMES = ("timestamp", "time", "ts", "datetime", "date", "@timestamp", "eventMetadata.inferenceTime")
_TARGETS = ("target", "target_model", "targetmodel", "TargetModel", "model", "model_name", "modelname")
"""What such a column is often called, in the order in which they are looked for."""
_LONGEST_LINE = 8 * 1024**2
"""Bytes; a record of what was sent and answered may hold a picture. DuckDB reads sixteen times as much at once."""
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Of times that are numbers: how many make a second."""
FILE = "(file)"
"""As a column: the path of the file that a line is in."""
_BALANCER = re.compile(r'^(http|https|h2|grpcs|ws|wss) \S+ \S+ \S+ \S+ \S+ \S+ \S+ \S+ \S+ \S+ \S+ "')


class Columns(NamedTuple):
    """Which ones say it; None is for whoever knows the kind of log."""

    time: str | None
    target: str | None


class Log(NamedTuple):
    """A kind of log."""

    relation: Callable[["duckdb.DuckDBPyConnection", Sequence[str], Columns], str]
    """The query that gives ``time``, ``target`` and ``line``, each as text or null, of these files."""
    looks_so: Callable[[str], bool]
    """Whether a file that begins with this line is of this kind."""


def find_log(path: Path, first_line: str) -> str:
    """The kind of log that a file is, by its first line.

    Raises:
        BadInputError: nothing says so.
    """
    found = next((name for name, log in LOGS.items() if log.looks_so(first_line)), None)
    if found is None:
        raise BadInputError(
            f"{path}: its first line is neither JSON nor a header of columns nor an entry of a load balancer; say "
            f"what it is with --format {'|'.join(LOGS)}"
        )
    return found


def _csv(connection: "duckdb.DuckDBPyConnection", files: Sequence[str], columns: Columns) -> str:
    source = (
        f"read_csv({_listed(files)}, header = true, all_varchar = true, filename = true, store_rejects = true)"
    )
    there = [str(name) for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    named = [name for name in there if name != "filename"]
    time, target = (
        _quoted("filename" if wanted == FILE else _choose(wanted, usual, named, option))
        for wanted, usual, option in ((columns.time, _TIMES, "--time"), (columns.target, _TARGETS, "--target"))
    )
    line = f"concat_ws(',', {', '.join(map(_quoted, named))})"
    return f"SELECT {time} AS time, {target} AS target, {line} AS line FROM {source}"


def _choose(wanted: str | None, usual: Sequence[str], there: Sequence[str], option: str) -> str:
    """The column that is meant.

    Raises:
        BadInputError: there is none.
    """
    names = (wanted,) if wanted is not None else usual
    by_lower = {name.lower(): name for name in there}
    found = next((by_lower[name.lower()] for name in names if name.lower() in by_lower), None)
    if found is None:
        got = f"got {wanted!r}; " if wanted is not None else "which column is it? "
        raise BadInputError(f"{option}: {got}allowed: {', '.join(there)}; name one of them")
    return found


def _json_lines(connection: "duckdb.DuckDBPyConnection", files: Sequence[str], columns: Columns) -> str:
    def said(wanted: str | None, usual: Sequence[str]) -> str:
        if wanted == FILE:
            return "filename"
        paths = (_json_path(name) for name in ((wanted,) if wanted is not None else usual))
        return f"coalesce({', '.join(f'json_extract_string(object, {path})' for path in paths)})"

    return (
        f"SELECT {said(columns.time, _TIMES)} AS time, {said(columns.target, _TARGETS)} AS target, line "
        f"FROM (SELECT *, CASE WHEN json_valid(line) THEN line END AS object FROM {_lines(files)})"
    )


def _balancer(connection: "duckdb.DuckDBPyConnection", files: Sequence[str], columns: Columns) -> str:
    """Of AWS' application load balancers: when the answer was sent, and the URL that was asked for."""
    target = "filename" if columns.target == FILE else "regexp_extract(line, '\"\\S+ (\\S+) HTTP/', 1)"
    return f"SELECT split_part(line, ' ', 2) AS time, {target} AS target, line FROM {_lines(files)}"


def _lines(files: Sequence[str]) -> str:
    """Whole lines as one column: no text has the sign that would part them."""
    return (
        f"(SELECT line, filename FROM read_csv({_listed(files)}, header = false, columns = {{'line': 'VARCHAR'}}, "
        f"delim = '\\x1f', quote = '', escape = '', auto_detect = false, filename = true, null_padding = true, "
        f"strict_mode = false, max_line_size = {_LONGEST_LINE}) WHERE trim(line) <> '')"
    )


def _listed(files: Sequence[str]) -> str:
    """In SQL; each is a file and no pattern, whatever its name has in it."""
    names = (re.sub(r"([*?[])", r"[\1]", file) for file in files)
    return f"[{', '.join(map(text, names))}]"


def text(value: str) -> str:
    """As SQL has it."""
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    """As SQL has names of columns."""
    return '"' + name.replace('"', '""') + '"'


def _json_path(name: str) -> str:
    """``eventMetadata.inferenceTime`` as a path of JSON, in SQL."""
    return text("$." + ".".join(json.dumps(part) for part in name.split(".")))


def _is_json(line: str) -> bool:
    return line.lstrip().startswith("{")


def _is_header(line: str) -> bool:
    """Several names, none of which is a number."""
    names = re.split(r"[,;\t|]", line.strip())
    return len(names) > 1 and not any(re.fullmatch(r'"?[\d.:TZ+-]*"?', name.strip()) for name in names)


LOGS = {
    "alb": Log(_balancer, lambda line: _BALANCER.match(line) is not None),
    "jsonl": Log(_json_lines, _is_json),
    "csv": Log(_csv, _is_header),
}
"""By the names that ``--format`` has for them."""
