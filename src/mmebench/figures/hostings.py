"""Ways to host the same models, beside each other: what each came to under one load, and what all models take.

A multi-model endpoint serves all of them, inference components those that have room, and endpoints of one model as
many as there are. What the rest would take is computed: nothing goes for another there, so that room alone says
how many instances it takes.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from mmebench.figures.cost import HOURS_A_MONTH
from mmebench.figures.objectives import judge_stage
from mmebench.figures.operating_point import loads
from mmebench.record.run import Run
from mmebench.spec import Objectives
from mmebench.spec.hosting import Hosting

_OF_A_RUN = ("instance_type", "platform", "targets")
_ORDER: tuple[Hosting, ...] = ("multi-model", "components", "single")


class _Hosted(NamedTuple):
    run: Run
    hosting: Hosting
    stages: pd.DataFrame


def find_hostings(summary: pd.DataFrame, records: Sequence[Run], objectives: Objectives) -> pd.DataFrame:
    """A row for each way in which the same models were hosted; empty unless there are several.

    Columns: those of a summary that say which run and which load it is; ``model``, ``hosting``; ``served``, the
    targets that were there, of ``all``; ``fits``, those that fit on an instance; ``instances`` that all of them
    take, ``usd_per_month`` for these, missing without a price; ``requests_per_s``, ``p50_ms``, ``p99_ms`` and
    ``cold_share`` under the largest load that all of them were measured with; ``standing`` there against the
    objectives.

    Args:
        summary: one row a stage.
        records: of all runs that have one.
        objectives: what runs are held against.
    """
    groups: dict[str, list[_Hosted]] = {}
    stages_of = dict(iter(summary.groupby(list(_OF_A_RUN), sort=False)))
    for run in records:
        stages = stages_of.get((run.instance_type, run.platform, run.targets))
        if stages is not None and run.capacity is not None:
            key = f"{run.model}, {run.package.get('platform')}, {run.precision}, {_machine(run)}"
            groups.setdefault(key, []).append(_Hosted(run, _hosting(run), stages))
    rows = [row for group in groups.values() for row in _compare(group, objectives)]
    return pd.DataFrame(rows)


def _compare(group: Sequence[_Hosted], objectives: Objectives) -> list[dict[str, Any]]:
    """The first run of each way; later ones are of other configurations."""
    ways = {hosting: next((one for one in group if one.hosting == hosting), None) for hosting in _ORDER}
    there = [one for one in ways.values() if one is not None]
    shared = set.intersection(*(set(loads(one.stages)) for one in there)) if there else set()
    if len(there) < 2 or not shared:
        return []
    everything = max(one.run.targets for one in there)
    return [_row(one, max(shared), everything, objectives) for one in there]


def _row(one: _Hosted, load: float, everything: int, objectives: Objectives) -> dict[str, Any]:
    run, capacity = one.run, one.run.capacity
    assert capacity is not None
    stage = one.stages[loads(one.stages) == load].iloc[0]
    of_one, serving = _instances(run)
    fits = 1 if one.hosting == "single" else max(1, capacity.fits // serving)
    match one.hosting:
        case "multi-model":
            instances = serving
        case "components":
            instances = max(serving, math.ceil(everything / fits))
        case "single":
            instances = everything * of_one
    answered = int(stage["Successful Requests"])
    cold = stage.get("cold_starts")
    return {
        **{name: stage[name] for name in (*_OF_A_RUN, "User Count", "offered_per_s")},
        "model": run.model,
        "hosting": one.hosting,
        "served": run.targets,
        "all": everything,
        "fits": fits,
        "instances": instances,
        "usd_per_month": None
        if run.price is None
        else run.price.usd_per_hour / serving * instances * HOURS_A_MONTH,
        "requests_per_s": stage["Requests/s"],
        "p50_ms": stage["Total Median Response Time"],
        "p99_ms": stage["p99_ms"],
        "cold_share": None if cold is None or pd.isna(cold) or not answered else float(cold) / answered,
        "standing": judge_stage(stage.to_dict(), objectives).standing if objectives.given else None,
    }


def _hosting(run: Run) -> Hosting:
    found: Hosting = _endpoint(run).get("hosting", "multi-model")
    return found


def _machine(run: Run) -> str:
    return run.instance_type.removesuffix(f"-{_hosting(run)}")


def _instances(run: Run) -> tuple[int, int]:
    """Behind each endpoint, and of all endpoints together, as the price of the run counts them."""
    endpoint = _endpoint(run)
    if "instance_count" in endpoint:
        count = int(endpoint["instance_count"])
        return count, count * (int(endpoint["most_endpoints"]) if _hosting(run) == "single" else 1)
    return 1, int(endpoint.get("instances", 1))


def _endpoint(run: Run) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.spec.get("endpoint", {})
    return found
