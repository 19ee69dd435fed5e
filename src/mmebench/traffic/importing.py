"""From logs to a trace: what was asked for and when, in the order of time, whatever the logs were."""

import gzip
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mmebench.errors import BadInputError, disk_errors
from mmebench.replacing import replacing
from mmebench.traffic.log_formats import LOGS, UNITS, Columns, find_log, text

if TYPE_CHECKING:
    import duckdb

_SETTINGS = {
    "memory_limit": "700MB",  # what is more goes to disk
    "TimeZone": "UTC",
    "preserve_insertion_order": "false",
    "enable_progress_bar": "false",
}
"""Of DuckDB."""
_EXAMPLES = 3
"""Of each reason for which lines are left out."""
_SHOWN = 160
"""Letters of an example."""
_LARGEST_SECONDS = 1e11
"""Seconds since 1970 of the year 5138: a larger number is of a smaller unit."""
_FOUND = f"""CREATE TEMP TABLE found AS
    SELECT number, moment, target, CASE WHEN reason IS NOT NULL THEN left(line, {_SHOWN}) END AS line, reason
    FROM (
        SELECT *, CASE
            WHEN NOT coalesce(isfinite(number), false) AND moment IS NULL THEN 'no time that can be read'
            WHEN coalesce(target, '') = '' THEN $no_target
        END AS reason
        FROM (
            SELECT try_cast(time AS DOUBLE) AS number, {{target}} AS target, line,
                CASE WHEN number IS NULL THEN epoch(try_cast(time AS TIMESTAMPTZ)) END AS moment
            FROM ({{query}})
        )
    )"""
"""Every line: when it was, as a number or as a moment since 1970, and why it is left out, if it is."""


class LeftOut(NamedTuple):
    """Lines that are not in the trace."""

    reason: str
    lines: int
    examples: tuple[str, ...]


class Imported(NamedTuple):
    """What became of logs."""

    requests: int
    targets: int
    first: float
    """Seconds since 1970, or since whatever the logs count from, as ``last``."""
    last: float
    left_out: tuple[LeftOut, ...]


def import_logs(
    files: Sequence[Path],
    trace: Path,
    columns: Columns,
    kind: str | None = None,
    pattern: str | None = None,
    unit: str | None = None,
    anonymise: bool = False,
) -> Imported:
    """Write a trace with ``timestamp`` and ``target``, as CSV or Parquet by its name, as whole as the logs are.

    Lines that cannot be read are counted and shown, and nothing of them is guessed.

    Args:
        files: logs of one kind; gzip where their names end in ``.gz``.
        trace: the file to write.
        columns: which say when and what for.
        kind: of :data:`mmebench.traffic.log_formats.LOGS`; by the first line unless told.
        pattern: a regular expression whose only group is the target within the text that has it.
        unit: of numbers that are times, of :data:`mmebench.traffic.log_formats.UNITS`; by their size unless told.
        anonymise: targets become numbers, 0 for the one that is asked for most.

    Raises:
        BadInputError: a file cannot be read, nobody knows which column it is, or no line can be read.
    """
    import duckdb

    if trace.suffix not in (".csv", ".parquet"):
        raise BadInputError(f"--out {trace}: got {trace.suffix or 'no ending'!r}; allowed: .csv or .parquet")
    if pattern is not None:
        _check(pattern)
    first, *_ = [_first_line(path) for path in files]
    kind = kind or find_log(files[0], first)
    with (
        disk_errors(trace),
        tempfile.TemporaryDirectory(dir=trace.absolute().parent, prefix=".trace-") as folder,
        duckdb.connect() as connection,
    ):
        for setting, value in (_SETTINGS | {"temp_directory": folder}).items():
            connection.execute(f"SET {setting} = {text(value)}")
        try:
            query = LOGS[kind].relation(connection, [str(path.absolute()) for path in files], columns)
            target, reason = "target", {"no_target": "no target"}
            if pattern is not None:
                target = "regexp_extract(target, $pattern, 1)"
                reason = {"no_target": "a target that --target-pattern does not match", "pattern": pattern}
            connection.execute(_FOUND.format(target=target, query=query), reason)
            return _write(connection, trace, unit, anonymise)
        except duckdb.Error as error:
            said = str(error).strip().splitlines()[0]
            raise BadInputError(f"{files[0]}: cannot be read as {kind}: {said}; try another --format") from None


def _check(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise BadInputError(f"--target-pattern: got {pattern!r}, no regular expression ({error})") from None
    if groups != 1:
        raise BadInputError(
            f"--target-pattern: got {pattern!r} with {groups} groups; allowed: one, which is the target, as in "
            "'/models/([^/?]+)'"
        )


def _first_line(path: Path) -> str:
    """The first that is not empty, or its beginning; raises BadInputError where there is none."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", errors="replace") as file:
            while line := file.readline(10_000):
                if line.strip():
                    return line
    except (OSError, EOFError) as error:
        said = getattr(error, "strerror", None) or error
        raise BadInputError(f"{path}: {said}; give the file of a log") from None
    raise BadInputError(f"{path}: is empty; give the file of a log")


def _write(connection: "duckdb.DuckDBPyConnection", trace: Path, unit: str | None, anonymise: bool) -> Imported:
    """The trace of what was found."""
    left_out = _left_out(connection)
    factor = UNITS[unit] if unit is not None else _factor(connection)
    connection.execute(
        f"CREATE TEMP VIEW requests AS SELECT coalesce(number / {factor}, moment) AS timestamp, target FROM found "
        "WHERE reason IS NULL"
    )
    ((requests, targets, first, last),) = connection.execute(
        "SELECT count(*), count(DISTINCT target), min(timestamp), max(timestamp) FROM requests"
    ).fetchall()
    if not requests:
        said = "; ".join(f"{each.lines} with {each.reason}, as {each.examples[0]!r}" for each in left_out)
        raise BadInputError(
            f"no line can be read: {said or 'there is none'}; say which columns, --time and --target"
        )
    rows = "SELECT timestamp, target FROM requests ORDER BY timestamp"
    if anonymise:
        rows = (
            "SELECT timestamp, rank AS target FROM requests JOIN (SELECT target, "
            "row_number() OVER (ORDER BY count(*) DESC, target) - 1 AS rank FROM requests GROUP BY target) "
            "USING (target) ORDER BY timestamp"
        )
    form = "CSV, HEADER" if trace.suffix == ".csv" else "PARQUET, COMPRESSION zstd"
    with replacing(trace) as partial:
        connection.execute(f"COPY ({rows}) TO {text(str(partial.absolute()))} (FORMAT {form})")
    return Imported(requests, targets, first, last, left_out)


def _left_out(connection: "duckdb.DuckDBPyConnection") -> tuple[LeftOut, ...]:
    """By reason, the most frequent one first."""
    found = connection.execute(
        f"SELECT reason, count(*), list(line)[:{_EXAMPLES}] FROM found WHERE reason IS NOT NULL GROUP BY reason"
    ).fetchall()
    if connection.execute("FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall():
        # Of each line that was read, though it may be wrong in several ways; its header was read before.
        found += connection.execute(
            f"SELECT 'what is no line of CSV', count(*), list(line)[:{_EXAMPLES}] FROM (SELECT "
            f"left(any_value(csv_line), {_SHOWN}) AS line FROM reject_errors WHERE scan_id = (SELECT max(scan_id) "
            "FROM reject_errors) GROUP BY file_id, reject_errors.line) HAVING count(*) > 0"
        ).fetchall()
    found.sort(key=lambda row: row[1], reverse=True)
    return tuple(LeftOut(reason, lines, tuple(examples)) for reason, lines, examples in found)


def _factor(connection: "duckdb.DuckDBPyConnection") -> int:
    """How many of the unit that numbers are in make a second, by their size.

    Raises:
        BadInputError: some look like one unit, some like another.
    """
    ((smallest, largest),) = connection.execute(
        "SELECT min(abs(number)), max(abs(number)) FROM found WHERE reason IS NULL AND number <> 0"
    ).fetchall()
    if largest is None:
        return 1
    low, high = _unit_of(smallest), _unit_of(largest)
    if low != high and smallest >= _LARGEST_SECONDS / 100:  # what counts from zero may be small
        raise BadInputError(
            f"times are numbers from {smallest:g} to {largest:g}, which look like {low} and {high}; say which "
            f"unit they have, --time-unit {'|'.join(UNITS)}"
        )
    return UNITS[high]


def _unit_of(size: float) -> str:
    return next((unit for unit, factor in UNITS.items() if size < _LARGEST_SECONDS * factor), "ns")
