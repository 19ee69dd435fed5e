"""A point of the plan, measured: one instance with its part of the models and of the traffic."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmebench.benchmark.observer import Observer
from mmebench.benchmark.story import run_benchmark
from mmebench.errors import BadInputError, together
from mmebench.figures.by_model import without_models
from mmebench.figures.rows import rows_of
from mmebench.figures.summary import summarise
from mmebench.plan.demand import Demand
from mmebench.plan.option import Question
from mmebench.plan.simulation.simulated import simulate
from mmebench.record.plan import Checked
from mmebench.record.run import Run
from mmebench.spec import Spec
from mmebench.spec.changing import changed
from mmebench.spec.platforms import platform_label

FOLDER = "plan-check"
"""Where what is measured goes, beside the results that the plan rests on."""
_REQUESTS = 4000
_SHORTEST, _LONGEST = 60.0, 600.0
_WARM_UP = 0.3


def measure_part(
    question: Question, run: Run, instances: int, results: Path, observer: Observer
) -> tuple[Checked, ...]:
    """Measure what one of so many instances would do, on an endpoint like the run's; beside it what was predicted.

    Args:
        question: whose answer it is.
        run: that the plan rests on; its spec says what the endpoint is.
        instances: the answer.
        results: where the results go.
        observer: is told how it goes.

    Raises:
        BadInputError: its share of the models is less than one, or the run was made by another version.
        MmebenchError: it could not be measured.
    """
    part = _part_of(question.demand, instances)
    spec = Spec.model_validate(_spec(question, run, part))
    outcome = run_benchmark(spec, results, observer)
    if outcome.problems:
        raise together(outcome.problems)
    (row,) = rows_of(without_models(summarise(outcome.directory)).tail(1))
    planning = question.planning.model_copy(update={"pinned": 0})
    prediction = simulate(question.measured, part, planning, 1)
    answers = float(row["Successful Requests"])
    measured = {
        "hit ratio": (prediction.hit_ratio * 100, (1 - float(row["cold_starts"]) / answers) * 100, " %"),
        "requests/s": (prediction.requests_per_s, float(row["Requests/s"]), ""),
        "p50": (prediction.all.p50 * 1e3, float(row["Total Median Response Time"]), " ms"),
        "p99": (prediction.all.p99 * 1e3, float(row["p99_ms"]), " ms"),
    }
    return tuple(
        Checked(figure=name, predicted=predicted, measured=found, unit=unit)
        for name, (predicted, found, unit) in measured.items()
        if not (np.isnan(predicted) or np.isnan(found))
    )


def _part_of(demand: Demand, instances: int) -> Demand:
    """Of every so many models one, with as large a part of the requests for all as it has of them."""
    kept = np.arange(instances // 2, demand.models, instances)
    if not len(kept):
        raise BadInputError(
            f"plan: {demand.models} models on {instances} instances are less than one on each; nothing to check"
        )
    shares = demand.shares[kept]
    return Demand(demand.rate / instances, shares / shares.sum(), demand.kinds[kept])


def _spec(question: Question, run: Run, part: Demand) -> dict[str, Any]:
    """What is measured: the run's own spec with other targets and another load."""
    spec = changed(dict(run.spec), run.changes)
    for field in ("variants", "grid", "tune", "plan", "repeats", "fresh", "experiments", "objectives"):
        spec.pop(field, None)
    duration = min(max(_REQUESTS / part.rate, _SHORTEST), _LONGEST)
    stage = {"rate": part.rate, "duration": duration, "warmup": duration * _WARM_UP}
    spec["workload"] = spec["workload"] | {
        "arrivals": {"kind": "poisson"},
        "profile": {"stages": [stage]},
    }
    endpoint = dict(spec["endpoint"])
    if "instance_types" in endpoint:
        endpoint["instance_types"] = [run.instance_type]
    spec["endpoint"] = endpoint
    if question.kinds:
        spec["models"] = {
            name: member | _of_kind(part, number) for number, (name, member) in enumerate(spec["models"].items())
        }
        spec.pop("targets", None)
    else:
        spec["targets"] = {"count": part.models}
        spec["workload"]["popularity"] = {"kind": "weights", "weights": part.shares.tolist()}
        spec["platforms"] = [each for each in spec["platforms"] if _label(each) == run.platform] or spec[
            "platforms"
        ]
    return {name: value for name, value in spec.items() if value is not None}


def _of_kind(part: Demand, number: int) -> Mapping[str, Any]:
    own = part.shares[part.kinds == number]
    return {
        "targets": {"count": len(own)},
        "requests": float(own.sum()),
        "popularity": {"kind": "weights", "weights": own.tolist()},
    }


def _label(platform: Mapping[str, Any]) -> str:
    """What the run of a platform is called."""
    return str(platform.get("name") or platform_label(platform["kind"], platform.get("precision", "fp32")))
