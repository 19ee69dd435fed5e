"""Whether runs may be compared: what differs between two sides, and within one, beyond what is compared."""

import math
from typing import Any, NamedTuple

from mmebench.figures.side import Side
from mmebench.figures.stage_changes import loads_of
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
    """All that is known to differ between two sides, and among the results of each, which should not differ."""
    prohibitive: list[str] = []
    notable: list[str] = []
    for when, side in (("before", before), ("after", after)):
        notable += [f"{when}: {weakness}" for weakness in _weaknesses(side)]
    for when, side in (("before", before), ("after", after)):
        within = _within(side)
        prohibitive += [f"{when}, {text}" for text in within.prohibitive]
        notable += [f"{when}, {text}" for text in within.notable]
    across = _compare_runs(before.run, after.run, ("before", "after"))
    return Differences(prohibitive + across.prohibitive, notable + across.notable)


def _within(side: Side) -> Differences:
    """How the further results of a side differ from its first."""
    prohibitive: list[str] = []
    notable: list[str] = []
    first, *others = side.results
    for other in others:
        found = _compare_runs(first.run, other.run, (f"in {first.path}", f"in {other.path}"))
        prohibitive += [f"{first.path} and {other.path}: {text}" for text in found.prohibitive]
        notable += [f"{first.path} and {other.path}: {text}" for text in found.notable]
    return Differences(prohibitive, notable)


def _compare_runs(first: Run | None, second: Run | None, where: tuple[str, str]) -> Differences:
    """Two runs, by their records; ``where`` says in words which is which."""
    if first is None or second is None:
        return Differences([], ["a result has no record of its run: nobody knows what was asked"])
    prohibitive: list[str] = []
    notable: list[str] = []
    workloads = [run.spec.get("workload", {}) for run in (first, second)]
    for part in _WORKLOAD:
        mine, others = (workload.get(part) for workload in workloads)
        if mine != others:
            prohibitive.append(f"workload.{part}: {_brief(mine, others)} and {_brief(others, mine)}")
    if first.precision != second.precision:
        prohibitive.append(f"precision: {first.precision} and {second.precision}")
    mixed, changed = _compare_kinds(first, second, where)
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


def _compare_kinds(first_run: Run, second_run: Run, where: tuple[str, str]) -> tuple[list[str], list[str]]:
    """How the kinds of two fleets differ: what makes another mix of requests, and what may be compared."""
    first, second = _kinds(first_run), _kinds(second_run)
    mixed, changed = [], []
    for when, there, elsewhere in ((where[0], first, second), (where[1], second, first)):
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
    for measured in side.results:
        if measured.run is not None and not measured.run.complete:
            which = f" ({measured.path})" if len(side.results) > 1 else ""
            found.append(f"the run{which} did not get to its end")
    limited = side.rows.get("client_limited")
    if limited is not None and (busy := int(limited.fillna(False).astype(bool).sum())):
        found.append(f"in {busy} of {len(side.rows)} stages the client itself was busy")
    if side.count > 1:
        seldom = [(load, int(row["repeats"])) for load, row in loads_of(side) if row["repeats"] < side.count]
        found += [f"{load} in {times} of {side.count} runs only" for load, times in seldom[:_MOST]]
        if len(seldom) > _MOST:
            found.append(f"{len(seldom) - _MOST} more loads not in all {side.count} runs")
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
