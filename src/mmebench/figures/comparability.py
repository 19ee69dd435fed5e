"""Whether two runs may be compared: what differs between them beyond what is compared."""

import math
from typing import Any, NamedTuple

from mmebench.figures.compare import Side
from mmebench.record.run import ModelKind, Run
from mmebench.spec.variants import describe_changes

_WORKLOAD = ("payload", "popularity", "arrivals", "timeout", "headers")
"""What of a workload must be the same; the profile may differ, as stages are paired by their load."""
_MOST = 5
"""Names that are told one by one."""


class Differences(NamedTuple):
    """In words."""

    prohibitive: list[str]
    """With these a change says nothing of what caused it."""
    notable: list[str]
    """These may be the very thing that is compared, or weaken what it says."""


def find_differences(before: Side, after: Side) -> Differences:
    """All that is known to differ."""
    prohibitive: list[str] = []
    notable: list[str] = []
    for when, side in (("before", before), ("after", after)):
        notable += [f"{when}: {weakness}" for weakness in _weaknesses(side)]
    first, second = before.run, after.run
    if first is None or second is None:
        notable.append("a result has no record of its run: nobody knows what was asked")
        return Differences(prohibitive, notable)
    workloads = [run.spec.get("workload", {}) for run in (first, second)]
    for part in _WORKLOAD:
        mine, others = (workload.get(part) for workload in workloads)
        if mine != others:
            prohibitive.append(f"workload.{part}: {_brief(mine, others)} and {_brief(others, mine)}")
    if first.precision != second.precision:
        prohibitive.append(f"precision: {first.precision} and {second.precision}")
    mixed, changed = _compare_kinds(first, second)
    prohibitive += mixed
    notable += changed
    for name in ("model", "platform", "instance_type", "container", "targets"):
        mine, others = getattr(first, name), getattr(second, name)
        if mine != others:
            notable.append(f"{name.replace('_', ' ')}: {mine} and {others}")
    if first.changes != second.changes:
        mine, others = (describe_changes(run.changes) or "none" for run in (first, second))
        notable.append(f"changes of a variant: {mine} and {others}")
    notable += _environment(first.environment, second.environment)
    return Differences(prohibitive, notable)


def _compare_kinds(before: Run, after: Run) -> tuple[list[str], list[str]]:
    """How the kinds of two fleets differ: what makes another mix of requests, and what may be compared."""
    first, second = _kinds(before), _kinds(after)
    mixed, changed = [], []
    for when, there, elsewhere in (("before", first, second), ("after", second, first)):
        if alone := [name for name in there if name not in elsewhere]:
            more = f" and {len(alone) - _MOST} more" if len(alone) > _MOST else ""
            mixed.append(f"models: only {when} there is {', '.join(alone[:_MOST])}{more}")
    for name in (name for name in first if name in second):
        mine, other = first[name], second[name]
        if mine.precision != other.precision:
            mixed.append(f"precision of {name}: {mine.precision} and {other.precision}")
        if not math.isclose(mine.requests, other.requests, rel_tol=1e-6):
            mixed.append(f"requests for {name}: {mine.requests:.1%} and {other.requests:.1%}")
        for what, one, another in (
            ("model", mine.model, other.model),
            ("platform", mine.platform, other.platform),
            ("targets", len(mine.targets), len(other.targets)),
        ):
            if one != another:
                changed.append(f"{what} of {name}: {one} and {another}")
    return mixed, changed


def _kinds(run: Run) -> dict[str, ModelKind]:
    return {kind.name: kind for kind in run.kinds}


def _brief(value: Any, other: Any) -> str:
    """Only what differs, of two mappings."""
    if not isinstance(value, dict) or not isinstance(other, dict):
        return str(value)
    return ", ".join(f"{key} {each}" for key, each in value.items() if other.get(key) != each) or "none"


def _weaknesses(side: Side) -> list[str]:
    found = []
    if side.run is not None and not side.run.complete:
        found.append("the run did not get to its end")
    limited = side.rows.get("client_limited")
    if limited is not None and (busy := int(limited.fillna(False).astype(bool).sum())):
        found.append(f"in {busy} of {len(side.rows)} stages the client itself was busy")
    return found


def _gpus(environment: dict[str, Any]) -> str:
    """In words, without their clocks, which change from moment to moment."""
    found = [
        f"{gpu['name']}{' (MIG)' if gpu['mig'] else ''}, driver {gpu['driver']}, CUDA {gpu['cuda']}, "
        f"{gpu['power_limit']} W, ECC {gpu['ecc']}"
        for gpu in environment.get("gpus", [])
    ]
    return "; ".join(found) or "none"


def _environment(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    found = [
        f"{name}: {before.get(name)} and {after.get(name)}"
        for name in ("processor", "cpus")
        if before.get(name) != after.get(name)
    ]
    gpus, other_gpus = _gpus(before), _gpus(after)
    if gpus != other_gpus:
        found.append(f"GPUs: {gpus} and {other_gpus}")
    versions, others = (environment.get("versions", {}) for environment in (before, after))
    changed = [
        f"{package} {versions.get(package, 'none')} and {others.get(package, 'none')}"
        for package in sorted(versions.keys() | others.keys())
        if versions.get(package) != others.get(package)
    ]
    return found + ([f"versions: {'; '.join(changed)}"] if changed else [])
