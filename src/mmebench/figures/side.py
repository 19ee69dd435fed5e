"""A side of a comparison: a run of one result, or of several results, which are repeats of each other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mmebench.errors import BadInputError
from mmebench.figures.repeats import over_repeats
from mmebench.figures.summary import summarise_times
from mmebench.record.layout import RunFiles, find_runs
from mmebench.record.run import Run, find_run

_MOST = 3
"""Names of results that are told one by one."""
_ONE_RUN = "results/<model>/<instance>*<platform>*<targets>"


class ResultRun(NamedTuple):
    """A run of one result, as often as that result measured it."""

    path: Path
    """Of the result, as it was given."""
    run: Run | None
    """Its record, if it has one; of its repeats, the first one's."""
    times: Sequence[tuple[RunFiles, pd.DataFrame]]
    """The files and the rows of each time; the first is the run that its result is named after."""

    @property
    def files(self) -> RunFiles:
        """Those of the first time."""
        return self.times[0][0]

    @property
    def key(self) -> tuple[str, str]:
        """By which runs belong together: platform and instance type."""
        return self.files.platform, self.files.instance_type


@dataclass(frozen=True)
class Side:
    """What is measured alike on one side."""

    results: tuple[ResultRun, ...]
    rows: pd.DataFrame
    """One a stage, over all times: see :mod:`mmebench.figures.repeats`."""

    @property
    def run(self) -> Run | None:
        """The first result's record, whose stages are those of the rows."""
        return self.results[0].run

    @property
    def key(self) -> tuple[str, str]:
        """By which sides belong together: platform and instance type."""
        return self.results[0].key

    @property
    def count(self) -> int:
        """How many runs have rows; of one, intervals are those within it."""
        return sum(not rows.empty for measured in self.results for _, rows in measured.times)

    @property
    def name(self) -> str:
        """``resnet18, onnx on local-2cpu-2GiB, 9 targets``, and ``in 3 results`` where there are several."""
        files = [measured.files for measured in self.results]
        models = _listed(each.directory.name for each in files)
        targets = _listed(str(each.targets) for each in files)
        several = f", in {len(files)} results" if len(files) > 1 else ""
        return f"{models}, {files[0].platform} on {files[0].instance_type}, {targets} targets{several}"

    @property
    def basis(self) -> str:
        """What its figures and their intervals are, in words."""
        if self.count < 2:
            return "one run, intervals within it"
        return f"means of {self.count} runs, intervals between them"


def _listed(names: Iterable[str]) -> str:
    """``a, b and c``, each once; of many the first ones."""
    each = list(dict.fromkeys(names))
    few = each if len(each) <= _MOST else [*each[:_MOST], f"{len(each) - _MOST} more"]
    return " and ".join(filter(None, (", ".join(few[:-1]), few[-1])))


def read_sides(paths: Sequence[Path]) -> list[Side]:
    """The runs in these ``results/<model>`` directories, or those whose files begin with a path.

    Runs of several results on the same platform and instance type are one side, and repeats of each other.

    Raises:
        BadInputError: a path has none, or several results have more than one of a kind, which nobody can tell
            apart.
    """
    results = [_read(path) for path in paths]
    if len(results) == 1:
        return [_join([measured]) for measured in results[0]]
    groups: dict[tuple[str, str], list[ResultRun]] = {}
    for result in results:
        if len({measured.key for measured in result}) < len(result):
            raise BadInputError(
                f"{result[0].path}: several runs differ only in their targets; name one: {_ONE_RUN}"
            )
        for measured in result:
            groups.setdefault(measured.key, []).append(measured)
    return [_join(group) for group in groups.values()]


def _read(path: Path) -> list[ResultRun]:
    directory = path if path.is_dir() else path.parent
    found = find_runs(directory) if directory.is_dir() else []
    if directory != path:
        found = [files for files in found if files.prefix.name == path.name]
    if not found:
        why = "no results" if path.is_dir() else "no results, as there is no such directory or run"
        raise BadInputError(f"{path}: {why}; give results/<model>, or {_ONE_RUN}")
    return [ResultRun(path, find_run(files), summarise_times(files)) for files in found]


def _join(results: Sequence[ResultRun]) -> Side:
    """The first has rows if any has: stages are paired by what its record says of them."""
    ordered = sorted(results, key=lambda measured: measured.times[0][1].empty)
    first, *others = (rows for measured in ordered for _, rows in measured.times)
    known = [rows for rows in others if not rows.empty]
    return Side(tuple(ordered), over_repeats([first, *known]) if known else first)


def pair(before: Sequence[Side], after: Sequence[Side]) -> list[tuple[Side, Side]]:
    """The sides that belong together: the only one of each, or those on the same platform and instance type.

    Raises:
        BadInputError: no two do, a result has no part in any, or a run would be held against itself.
    """
    _check_apart([measured for side in (*before, *after) for measured in side.results])
    if len(before) == len(after) == 1:
        return [(before[0], after[0])]
    by_key = {side.key: side for side in after}
    if len(by_key) < len(after):
        raise BadInputError(f"several runs differ only in their targets; name one: {_ONE_RUN}")
    pairs = [(side, by_key[side.key]) for side in before if side.key in by_key]
    if not pairs:
        raise BadInputError(
            f"no runs on the same platform and instance type: {_names(before)} against {_names(after)}; "
            "name one of each to compare them all the same"
        )
    _check_used(before, after, pairs)
    return pairs


def _check_apart(results: Sequence[ResultRun]) -> None:
    """Refuse a run that is given more than once: it would confirm itself.

    Runs of one result that differ in their targets only may have their repeats in common.
    """
    seen: dict[Path, Path] = {}
    for measured in results:
        for number, (files, _) in enumerate(measured.times):
            prefix = files.prefix.resolve()
            if prefix in seen and (number == 0 or seen[prefix] != measured.path):
                raise BadInputError(
                    f"got {seen[prefix]} and {measured.path}, which have {files.prefix} in common; allowed: each "
                    "run once; leave one of them out, or give another result"
                )
            seen[prefix] = measured.path


def _check_used(before: Sequence[Side], after: Sequence[Side], pairs: Sequence[tuple[Side, Side]]) -> None:
    """Refuse a result that would be left out without a word."""
    used = {path for two in pairs for side in two for path in _paths(side)}
    for sides in (before, after):
        for path in dict.fromkeys(path for side in sides for path in _paths(side)):
            if path not in used:
                own = [side for side in sides if path in _paths(side)]
                raise BadInputError(
                    f"{path}: no run of it is on a platform and instance type of both sides: it has "
                    f"{_names(own)}; both have {_names([first for first, _ in pairs])}; leave it out"
                )


def _paths(side: Side) -> Iterator[Path]:
    return (measured.path for measured in side.results)


def _names(sides: Sequence[Side]) -> str:
    keys = (side.key for side in sides)
    return ", ".join(f"{platform} on {instance_type}" for platform, instance_type in keys)
