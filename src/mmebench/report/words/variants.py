"""What runs of one benchmark differ in, in words."""

from collections.abc import Sequence

from mmebench.record.run import Run
from mmebench.spec.variants import describe_changes


def describe_variants(records: Sequence[Run]) -> tuple[str, ...]:
    """Each variant with what was changed for it, a line each; on several instance types once."""
    changes = {run.platform: describe_changes(run.changes) for run in records if run.changes}
    return tuple(f"{name}: {changed}" for name, changed in changes.items())
