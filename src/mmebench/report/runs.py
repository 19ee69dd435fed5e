"""The runs of a benchmark, and how a picture of several tells them apart."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from mmebench.figures.operating_point import loads
from mmebench.report.palette import colour_of, dashes_of, marker_of
from mmebench.spec.fleet import MIX

_OF_A_RUN = ["instance_type", "platform", "targets"]
"""Columns of a summary."""


class RunKey(NamedTuple):
    """Which run."""

    instance_type: str
    platform: str
    targets: int

    @property
    def name(self) -> str:
        """``onnx on ml.g5.xlarge, 61 targets``."""
        return f"{self.platform} on {self.instance_type}, {self.targets} targets"

    def title(self, model: str) -> str:
        """Of its pictures: ``resnet50: onnx on ml.g5.xlarge, 61 targets``; a fleet has no platform of its own."""
        if self.platform == MIX:
            return f"{model} on {self.instance_type}, {self.targets} targets"
        return f"{model}: {self.name}"


class Look(NamedTuple):
    """How one of several runs is shown."""

    name: str
    """As short as it can be: what all runs have in common is said by the title."""
    number: int
    """From 0; the same in every picture."""

    @property
    def colour(self) -> str:
        """Of its line."""
        return colour_of(self.number)

    @property
    def marker(self) -> str:
        """Of its points."""
        return marker_of(self.number)

    @property
    def dashes(self) -> Any:
        """Of its line where there is only one for each run."""
        return dashes_of(self.number)


def key_of(row: "Mapping[Any, Any] | pd.Series[Any]") -> RunKey:
    """Of the run that a row of a summary belongs to."""
    return RunKey(str(row["instance_type"]), str(row["platform"]), int(row["targets"]))


def stages_by_run(summary: pd.DataFrame) -> Iterator[tuple[RunKey, pd.DataFrame]]:
    """Each run with its stages by load, which column ``load`` has."""
    for _, stages in summary.groupby(_OF_A_RUN, sort=False):
        yield key_of(stages.iloc[0]), stages.assign(load=loads(stages)).sort_values("load", kind="stable")


def tell_apart(keys: Sequence[RunKey]) -> dict[RunKey, Look]:
    """How each of these runs is shown, in their order."""
    one_type = len({key.instance_type for key in keys}) == 1
    return {
        key: Look(f"{key.platform}, {key.targets} targets" if one_type else key.name, number)
        for number, key in enumerate(keys)
    }


def short_names(keys: Sequence[RunKey]) -> list[str]:
    """``onnx`` where that says it all, else ``onnx, 61 targets`` or ``onnx on ml.g5.xlarge, 61 targets``."""
    forms = (
        [key.platform for key in keys],
        [f"{key.platform} on {key.instance_type}" for key in keys],
        [f"{key.platform}, {key.targets} targets" for key in keys],
        [key.name for key in keys],
    )
    return next(names for names in forms if len(set(names)) == len(keys) or names is forms[-1])


def runs_in_words(summary: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Each run's name and rows: ``onnx on ml.g5.xlarge``, with its targets where another has that name, too.

    A fleet has its own name: ``shop on ml.g5.xlarge``.
    """
    runs = [rows for _, rows in summary.groupby(_OF_A_RUN, sort=False)]
    keys = [_with_name(key_of(rows.iloc[0]), str(rows["model_name"].iloc[0])) for rows in runs]
    alike = Counter((key.instance_type, key.platform) for key in keys)
    return [
        (
            key.name if alike[key.instance_type, key.platform] > 1 else f"{key.platform} on {key.instance_type}",
            rows,
        )
        for key, rows in zip(keys, runs, strict=True)
    ]


def _with_name(key: RunKey, fleet: str) -> RunKey:
    """For people: what a fleet is called says more than that it is a mix."""
    return key._replace(platform=fleet) if key.platform == MIX else key


def name_all(summary: pd.DataFrame) -> str:
    """``resnet50 on ml.g5.xlarge``; without the instance type where there are several."""
    types: list[Any] = summary["instance_type"].unique().tolist()
    return f"{summary['model_name'].iloc[0]}" + (f" on {types[0]}" if len(types) == 1 else "")
