import math
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from mmebench.figures.columns import Cell, stage_columns
from mmebench.figures.kinds import KindStage, fairness_of, find_slowdowns, split_stage, summarise_kinds, targets_of
from mmebench.figures.stage import StageSummary, summarise_own, summarise_stage
from mmebench.record.own_samples import OwnSamples
from mmebench.record.run import ModelKind, StageWindow
from mmebench.spec import Goodput, Objectives
from mmebench.spec.workload import ModelObjectives
from support.fleets import PHOTOS, REVIEWS, TWO, Kind, closed_loop, fleet_samples, many, record_kinds
from support.samples import Sample, sample_table

OPEN = StageWindow(users=50, start=0, ready=2, end=20, rate=60, due=18 * 60, not_started=20, note="a note")
FAILING = (PHOTOS, Kind("reviews", 6, 0.3, 40, "pt", cold=0.02, failed=0.1))


def split(window: StageWindow, samples: pa.Table, kinds: tuple[ModelKind, ...]) -> dict[str, KindStage]:
    own = OwnSamples(window, len(samples), targets_of(kinds))
    for first in range(0, len(samples), 97):  # as it is read, in pieces
        own.add(samples.slice(first, 97))
    return split_stage(window, own, summarise_own(window, own.reduce()), kinds, Objectives())


def only(samples: pa.Table, kind: ModelKind) -> pa.Table:
    mine = np.isin(samples["target"].to_pylist(), kind.targets)
    return samples.filter(pa.array(mine))


def differing(mine: StageSummary, others: StageSummary) -> dict[str, tuple[Cell, Cell]]:
    pairs = {name: (cell, stage_columns(others)[name]) for name, cell in stage_columns(mine).items()}
    return {
        name: pair
        for name, pair in pairs.items()
        if _numbers(pair)[0] != pytest.approx(_numbers(pair)[1], nan_ok=True)
    }


def _numbers(pair: tuple[Cell, Cell]) -> list[float]:
    assert not any(isinstance(cell, str) for cell in pair), pair
    return [math.nan if cell is None else float(cell) for cell in pair]


@pytest.mark.parametrize("window", [closed_loop(4)[0], OPEN.model_copy(update={"not_started": 0, "note": None})])
@pytest.mark.parametrize("kinds", [FAILING, many(40)])
def test_a_kind_has_the_figures_that_its_samples_would_have_alone(
    window: StageWindow, kinds: tuple[Kind, ...]
) -> None:
    samples = fleet_samples(kinds, (window,))
    # Several client processes take turns.
    samples = pa.concat_tables([samples.take(np.arange(first, len(samples), 2)) for first in (1, 0)])
    found = split(window, samples, record_kinds(kinds))
    assert list(found) == [kind.name for kind in kinds]
    for kind in record_kinds(kinds):
        alone = summarise_stage(window, only(samples, kind))
        assert differing(found[kind.name].summary, alone).keys() <= {
            "littles_law",
            "offered_per_s",
            "achieved_over_offered",
        }
    assert sum(each.summary.successes for each in found.values()) == summarise_stage(window, samples).successes


def test_of_an_open_loop_a_kind_was_offered_its_share() -> None:
    photos, reviews = split(OPEN, fleet_samples(TWO, (OPEN,)), record_kinds(TWO)).values()
    assert (photos.requests_share, reviews.requests_share) == (0.7, 0.3)
    assert (photos.summary.offered, reviews.summary.offered) == pytest.approx((42, 18))
    assert (photos.summary.not_started, reviews.summary.not_started) == (14, 6), "of which nobody knows the kind"
    assert math.isnan(photos.summary.littles_law)
    assert photos.summary.note is None, "what is to be known of the stage is said once"


def test_a_trace_has_shares_of_its_own() -> None:
    traced = OPEN.model_copy(update={"rate": None, "not_started": 0})
    samples = sample_table(
        [
            Sample(3000 + n, 3010 + n, target="photos-v1.tar.gz" if n % 4 else "reviews-v1.tar.gz")
            for n in range(400)
        ]
    )
    photos, reviews = split(traced, samples, record_kinds(TWO)).values()
    assert (photos.requests_share, reviews.requests_share) == (0.75, 0.25)
    assert photos.summary.offered == pytest.approx(traced.due * 0.75 / 18 if traced.due else 0)


def test_whose_the_endpoint_and_the_tail_were() -> None:
    window = StageWindow(users=2, start=0, ready=0, end=1)
    samples = [Sample(2 * n, 2 * n + 1, target="photos-v1.tar.gz") for n in range(396)]
    samples += [Sample(200 * n, 200 * n + 66, target="reviews-v1.tar.gz") for n in range(4)]
    samples += [Sample(990, 1330, target="reviews-v2.tar.gz", error="ModelError", status=424)]
    samples += [Sample(0, 500, target="of-no-kind.tar.gz")]
    photos, reviews = split(window, sample_table(samples), record_kinds(TWO)).values()
    # 396 ms, and 4 x 66 ms with the 10 ms within the window of what failed after it.
    assert (photos.busy_share, reviews.busy_share) == pytest.approx((396 / 670, 274 / 670))
    assert (photos.served_share, reviews.served_share) == pytest.approx((396 / 401, 4 / 401))
    assert (photos.slowest_share, reviews.slowest_share) == (0, 1)
    assert (photos.quick, photos.summary.mean) == (1, 1)
    assert math.isnan(reviews.quick), "of four answers the 5th percentile is only the quickest"


def test_where_all_take_as_long_the_tail_is_everybodys() -> None:
    window = StageWindow(users=2, start=0, ready=0, end=1)
    samples = [Sample(n, n + 5, target=f"{'photos' if n % 4 else 'reviews'}-v1.tar.gz") for n in range(900)]
    photos, reviews = split(window, sample_table(samples), record_kinds(TWO)).values()
    assert (photos.slowest_share, reviews.slowest_share) == (0.75, 0.25)
    few = split(window, sample_table(samples[:50]), record_kinds(TWO))["photos"]
    assert math.isnan(few.slowest_share), "of fifty answers nobody knows the slowest hundredth"


def test_an_answer_is_slowed_against_what_it_takes_when_little_is_in_its_way() -> None:
    windows = closed_loop(1, 16)
    samples = fleet_samples(TWO, windows)
    stages = [split(window, samples, record_kinds(TWO)) for window in windows]
    alone, crowded = find_slowdowns(stages)
    for name in ("photos", "reviews"):
        first, second = stages[0][name], stages[1][name]
        assert first.quick < second.quick
        assert alone[name] == first.summary.mean / first.quick
        assert crowded[name] == second.summary.mean / first.quick, "in a crowd even the quickest wait"
    (lonely,) = find_slowdowns([split(windows[0], samples.slice(0, 0), record_kinds(TWO))])
    assert all(math.isnan(slowdown) for slowdown in lonely.values())
    assert fairness_of([2.0, 2.0, math.nan]) == 1
    assert math.isnan(fairness_of(lonely.values()))


def test_targets_of_a_kind_are_held_against_their_kind() -> None:
    window = StageWindow(users=2, start=0, ready=0, end=1)

    def twenty(target: str, milliseconds: float) -> list[Sample]:
        return [Sample(n, n + milliseconds, target=target) for n in range(20)]

    alike = [
        *twenty("photos-v1.tar.gz", 5),
        *twenty("photos-v2.tar.gz", 5),
        *twenty("reviews-v1.tar.gz", 50),
        *twenty("reviews-v2.tar.gz", 50),
        Sample(0, 900, target="reviews-v3.tar.gz"),
    ]
    kinds = record_kinds(TWO)
    own = OwnSamples(window, len(alike), targets_of(kinds))
    own.add(sample_table(alike))
    assert summarise_own(window, own.reduce()).fairness_targets == pytest.approx(1), "one answer is no mean"
    uneven = sample_table([*twenty("photos-v1.tar.gz", 5), *twenty("photos-v2.tar.gz", 15)])
    assert summarise_stage(window, uneven).fairness_targets == pytest.approx(20**2 / (2 * (5**2 + 15**2)))
    photos = split(window, uneven, kinds)["photos"].summary
    assert photos.fairness_targets == pytest.approx(0.8)
    assert math.isnan(summarise_stage(window, sample_table(twenty("a", 5))).fairness_targets)


def test_good_time_is_the_kinds_own_or_that_of_all() -> None:
    window, objectives = closed_loop(1)[0], Objectives(goodput=Goodput(within=0.03, share=0.1))
    samples = fleet_samples(TWO, (window,))
    photos, reviews = summarise_kinds(window, samples, record_kinds(TWO), objectives).values()
    assert photos.goodput_share > 0.8
    assert reviews.goodput_share < 0.2
    own = objectives.model_copy(update={"models": {"reviews": ModelObjectives(p99=0.1)}})
    assert summarise_kinds(window, samples, record_kinds(TWO), own)["reviews"].goodput_share > 0.9


def test_processes_that_offer_load_have_no_need_of_pandas() -> None:
    code = "import mmebench.figures.kinds, mmebench.figures.objectives, sys; assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_that_no_kind_has_do_not_count() -> None:
    window = closed_loop(1)[0]
    samples = fleet_samples((PHOTOS, REVIEWS), (window,))
    (photos,) = split(window, samples, record_kinds((PHOTOS,))).values()
    assert differing(
        photos.summary, summarise_stage(window, only(samples, record_kinds((PHOTOS,))[0]))
    ).keys() <= {"littles_law"}
