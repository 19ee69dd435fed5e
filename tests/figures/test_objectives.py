from typing import Any

import pytest

from mmebench.figures.objectives import BY_MODEL, judge_kind, judge_stage
from mmebench.figures.statistics import lacking
from mmebench.spec import Goodput, Objectives
from mmebench.spec.workload import ModelObjectives

ROW = {
    "Successful Requests": 40,
    "Failed Requests": 0,
    "Total Median Response Time": 9.0,
    "p90_ms": 13.0,
    "p95_ms": 14.0,
    "p99_ms": float("nan"),
    "goodput_share": 1.0,
}


@pytest.mark.parametrize(
    ("objectives", "more", "standing", "reasons"),
    [
        (Objectives(p99=1), {}, "unknown", "40 answers are too few for a p99, 60 more would do"),
        (Objectives(p99=0.0135), {}, "missed", "p95 14 ms already"),
        (Objectives(p95=1, p90=0.013, p50=0.009), {}, "held", ""),
        (Objectives(p95=0.0139), {}, "missed", "p95 14 ms"),
        (Objectives(p95=0.0139, p99=1), {}, "missed", "p95 14 ms"),
        (Objectives(p99=1), {"Successful Requests": 0, "Failed Requests": 40}, "missed", "no request succeeded"),
        (Objectives(p99=1), {"Successful Requests": 400}, "unknown", "the p99 is not known"),
        (Objectives(p99=1), {"Successful Requests": 400, "p99_ms": 1000.1}, "missed", "p99 1000.1 ms"),
        (Objectives(p99=1), {"not_started": 1}, "missed", "2.44% never started"),
        (Objectives(p50=1), {"not_started": 1}, "held", ""),
        (Objectives(failures=0.02), {"Failed Requests": 1}, "missed", "2.44% failed"),
        (Objectives(goodput=Goodput(within=1, share=0.9)), {}, "held", ""),
        (
            Objectives(goodput=Goodput(within=1, share=0.99)),
            {},
            "unknown",
            "40 requests are too few for 99.00% of them, 60 more would do",
        ),
        (
            Objectives(goodput=Goodput(within=1, share=0.99)),
            {"goodput_share": 0.975},
            "missed",
            "97.50% in good time",
        ),
        (Objectives(goodput=Goodput(within=1, share=1)), {}, "held", ""),
        (Objectives(), {}, "held", ""),
    ],
)
def test_a_stage_holds_misses_or_cannot_be_judged(
    objectives: Objectives, more: dict[str, Any], standing: str, reasons: str
) -> None:
    judgement = judge_stage(ROW | more, objectives)
    assert (judgement.standing, judgement.reasons) == (standing, reasons)


def test_how_many_more_it_takes() -> None:
    assert judge_stage(ROW, Objectives(p99=1)).more == 60
    assert [lacking(40, share) for share in (0.5, 0.9, 0.95, 0.975, 0.99)] == [0, 0, 0, 0, 60]


RARE = {**ROW, "Successful Requests": 10, "p95_ms": float("nan"), "p90_ms": 13.0}
FLEET = {
    **ROW,
    "Successful Requests": 1000,
    "p99_ms": 20.0,
    BY_MODEL: {"photos": ROW | {"p99_ms": 15}, "reviews": RARE},
}


@pytest.mark.parametrize(
    ("objectives", "standing", "reasons"),
    [
        (Objectives(models={"photos": ModelObjectives(p99=0.016)}), "held", ""),
        (Objectives(models={"photos": ModelObjectives(p99=0.014)}), "missed", "photos: p99 15 ms"),
        (
            Objectives(p99=0.019, models={"photos": ModelObjectives(p99=0.014)}),
            "missed",
            "p99 20 ms, photos: p99 15 ms",
        ),
        (Objectives(p99=0.019, models={"photos": ModelObjectives(p99=0.016)}), "missed", "p99 20 ms"),
        (Objectives(models={"reviews": ModelObjectives(p95=0.012)}), "missed", "reviews: p90 13 ms already"),
        (
            Objectives(models={"reviews": ModelObjectives(p95=0.02)}),
            "unknown",
            "reviews: 10 answers are too few for a p95, 10 more would do",
        ),
        (Objectives(models={"faces": ModelObjectives(p95=1)}), "unknown", "faces: there are no figures of it"),
        (Objectives(models={"faces": ModelObjectives()}), "held", ""),
    ],
)
def test_a_fleet_holds_what_each_of_its_kinds_must(objectives: Objectives, standing: str, reasons: str) -> None:
    judgement = judge_stage(FLEET, objectives)
    assert (judgement.standing, judgement.reasons) == (standing, reasons)


def test_it_takes_more_of_all_for_more_of_a_kind() -> None:
    """One in a hundred requests is for it: ten more answers of it are a thousand of all."""
    assert judge_stage(FLEET, Objectives(models={"reviews": ModelObjectives(p95=0.02)})).more == 1000
    assert judge_kind(RARE, ModelObjectives(p95=0.02)).more == 10


def test_a_kind_that_nobody_asked_for_is_not_missed() -> None:
    """Of a whole stage it would be a failure; of a rare kind it may be chance."""
    none = {**RARE, "Successful Requests": 0}
    objectives = Objectives(models={"reviews": ModelObjectives(p95=0.02)})
    judgement = judge_stage(FLEET | {BY_MODEL: {"reviews": none}}, objectives)
    assert (judgement.standing, judgement.more) == ("unknown", 20_000)
    assert judgement.reasons == "reviews: no request for it was answered within the window"
    failed = {**none, "Failed Requests": 3}
    assert judge_stage(FLEET | {BY_MODEL: {"reviews": failed}}, objectives).standing == "missed"


def test_a_run_of_one_model_beside_a_fleet_is_judged_as_ever() -> None:
    assert judge_stage(ROW | {BY_MODEL: float("nan")}, Objectives(p95=1)).standing == "held"
