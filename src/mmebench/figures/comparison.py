"""Results held against others: every pair of sides that belongs together, with what differs and what changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mmebench.errors import BadInputError
from mmebench.figures.comparability import Differences, find_differences
from mmebench.figures.side import Side, pair, read_sides
from mmebench.figures.stage_changes import StageChange, compare_stages


@dataclass(frozen=True)
class Comparison:
    """One pair of sides."""

    before: Side
    after: Side
    differences: Differences
    """Beside the figures."""
    stages: tuple[StageChange, ...]
    """Of each load that was offered to both."""

    @property
    def name(self) -> str:
        """Which sides: ``resnet18, onnx on local-2cpu-2GiB, 9 targets``, of two names both."""
        names = dict.fromkeys((self.before.name, self.after.name))
        return " → ".join(names)

    @property
    def models(self) -> list[str | None]:
        """Of what there are figures: None for all requests together, and each kind of model of a fleet."""
        return list(dict.fromkeys([None, *(stage.model for stage in self.stages)]))

    @property
    def changes(self) -> pd.DataFrame:
        """One row a load, kind of model and figure.

        Columns: ``load``, ``model`` (None: all together), ``figure``, ``unit``, ``before``, ``after``, ``change``
        (a ratio less 1; of ``failures`` a difference), ``low`` and ``high`` of its 95 % confidence interval, and
        ``verdict``: ``better``, ``worse``, ``no difference shown`` or ``too few to say``.
        """
        rows = [
            (stage.load, stage.model, each.metric, each.unit, each.before, each.after, *each.change, each.verdict)
            for stage in self.stages
            for each in stage.changes
        ]
        names = ["load", "model", "figure", "unit", "before", "after", "change", "low", "high", "verdict"]
        return pd.DataFrame(rows, columns=names)


def compare_results(before: Sequence[Path], after: Sequence[Path], anyway: bool = False) -> list[Comparison]:
    """Compare the runs of one or several results with those of others.

    Several results on a side are repeats of each other: figures are means over them, intervals those between them.

    Args:
        before, after: ``results/<model>`` directories, or single runs of them:
            ``results/<model>/<instance>*<platform>*<targets>``.
        anyway: compare what is not comparable, too; the comparison says why it is not.

    Raises:
        BadInputError: there are no such results, they have nothing in common, or are not comparable.
    """
    comparisons = []
    for first, second in pair(read_sides(before), read_sides(after)):
        differences = find_differences(first, second)
        if differences.prohibitive and not anyway:
            raise BadInputError(
                f"{first.name} and {second.name} are not comparable: {'; '.join(differences.prohibitive)}; "
                "measure them alike, or use --anyway"
            )
        comparisons.append(Comparison(first, second, differences, tuple(compare_stages(first, second))))
    return comparisons
