"""What a plan rests on, from the record of a run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmebench.errors import BadInputError
from mmebench.plan.measured import Measured
from mmebench.plan.reading import measure
from mmebench.plan.station import contention_of
from mmebench.record.layout import RunFiles
from mmebench.record.run import Capacity, FirstInvocation, StageWindow, read_run
from support.fleets import PHOTOS, REVIEWS, closed_loop, write_fleet
from support.measured_runs import (
    FITS,
    SERVICE,
    capacity,
    change,
    samples,
    stage,
    write_loads_at_once,
    write_measured,
)
from support.samples import Sample, sample_table, write_run

WARM = (PHOTOS, replace(REVIEWS, cold=0.0))


def measured(files: RunFiles) -> Measured:
    return measure(files, read_run(files.run))


def test_each_stage_says_how_fast_an_instance_is(tmp_path: Path) -> None:
    found = measured(write_measured(tmp_path / "resnet18", users=(4, 1, 2, 8)))
    assert [level.present for level in found.levels] == pytest.approx([1, 2, 4, 8], rel=0.02)
    assert [level.per_second for level in found.levels] == pytest.approx([50, 100, 150, 150], rel=0.05)
    assert [level.latency.mean() for level in found.levels] == pytest.approx(
        [SERVICE, SERVICE, 4 / 3 * SERVICE, 8 / 3 * SERVICE], rel=0.05
    )
    assert found.at_rest == pytest.approx(SERVICE, rel=0.05)
    assert found.most_per_second == pytest.approx(150, rel=0.05)
    assert found.speed([0, 0.5, 1, 2, 3, 4, 8, 16]) == pytest.approx(
        [1, 1, 1, 1, 125 / 150, 0.75, 0.375, 0.1875], rel=0.05
    )
    low, high = found.sure["throughput"]
    assert 0.9 < low < 1 < high < 1.1


def test_latencies_are_those_that_were_observed(tmp_path: Path) -> None:
    files = write_measured(tmp_path / "resnet18", users=(1,))
    (level,) = measured(files).levels
    table = samples((1,))
    seconds = (table["end_ns"].to_numpy() - table["start_ns"].to_numpy()) / 1e9
    assert np.isin(level.latency, seconds).all()
    assert (np.diff(level.latency) >= 0).all()
    assert np.quantile(level.latency, [0.1, 0.5, 0.99]) == pytest.approx(
        np.quantile(seconds, [0.1, 0.5, 0.99]), rel=0.03
    )


def test_loads_are_cold_first_invocations_less_warm_ones_without_the_first(tmp_path: Path) -> None:
    found = measured(write_measured(tmp_path / "a", filled=capacity((9.0, 1.0, 1.0, 2.0, 2.0))))
    assert found.loads.mean() == pytest.approx(1.5 - SERVICE, abs=0.005)
    assert found.loads.max() == pytest.approx(2 - SERVICE, abs=0.005)
    assert found.load_seconds == {1: pytest.approx(1.5)}
    few = measured(write_measured(tmp_path / "b", filled=capacity((9.0, 1.0, 1.0))))
    assert few.loads.max() > 8, "of three the first one tells as much as the others"
    low, high = found.sure["loads"]
    assert low < 1 < high


def test_loads_at_once_are_as_fast_as_was_measured_and_then_take_turns(tmp_path: Path) -> None:
    files = write_measured(tmp_path / "resnet18")
    assert measured(files).loading_speed([1, 2, 4]) == pytest.approx([1, 0.5, 0.25])
    assert not measured(files).evicting
    write_loads_at_once(files, {1: 1.0, 2: 1.0, 4: 1.6})
    found = measured(files)
    assert found.evicting
    assert found.load_seconds == {1: pytest.approx(1), 2: pytest.approx(1), 4: pytest.approx(1.6)}
    # Two in a second, four in 1.6 s: 2.5 a second, and more do not get more.
    assert found.loading_speed([1, 2, 4, 8]) == pytest.approx([1, 1, 2.5 / 4, 2.5 / 8])
    assert found.loading_speed(3) == pytest.approx(2.25 / 3)


def test_loads_that_began_together_are_not_told_by(tmp_path: Path) -> None:
    files = write_measured(tmp_path / "resnet18")
    rows = [(1, 0.5, 0.0), (1, 1.5, 0.5), (2, 0.6, 0.0), (2, 0.7, 0.0), (2, 2.0, 0.6), (2, 2.2, 0.7)]
    files.experiment("cold_starts").table.write_text(
        "target,concurrency,seconds,warm_seconds,asked_s\n"
        + "".join(f"a.tar.gz,{at_once},{seconds},0.02,{asked}\n" for at_once, seconds, asked in rows)
    )
    assert measured(files).load_seconds == {1: pytest.approx(1.5), 2: pytest.approx(2.1)}


@pytest.mark.parametrize(
    ("endpoint", "at_once"),
    [
        ({"kind": "local"}, 2),
        ({"kind": "local", "load_concurrency": 3}, 3),
        ({"kind": "local", "load_concurrency": None}, 2),
        ({"kind": "sagemaker"}, None),
    ],
)
def test_how_many_loads_go_on_at_once_a_local_endpoint_says(
    tmp_path: Path, endpoint: dict[str, object], at_once: int | None
) -> None:
    files = write_measured(tmp_path / "resnet18", spec={"endpoint": endpoint})
    assert measured(files).loads_at_once == at_once


def test_loads_of_tables_of_old_began_together(tmp_path: Path) -> None:
    files = write_measured(tmp_path / "resnet18")
    files.experiment("cold_starts").table.write_text(
        "target,concurrency,seconds,warm_seconds\n"
        + "".join(f"a.tar.gz,{at_once},{seconds},0.02\n" for at_once, seconds in ((1, 1.0), (2, 0.9), (2, 1.5)))
    )
    assert measured(files).load_seconds == {1: pytest.approx(1), 2: pytest.approx(1.5)}


def test_of_an_endpoint_that_is_not_full_loads_evict_nobody(tmp_path: Path) -> None:
    files = write_measured(tmp_path / "resnet18", filled=capacity(limited_by="limit"))
    write_loads_at_once(files, {1: 1.0})
    assert not measured(files).evicting


def test_memory_is_counted_in_copies(tmp_path: Path) -> None:
    found = measured(write_measured(tmp_path / "resnet18"))
    assert (found.memory[0].copy, found.memory[0].shared, found.budget) == (1.0, 0.0, FITS)
    assert found.sure["memory"] == pytest.approx((0.98, 1.02))
    assert not found.holds_more
    assert measured(write_measured(tmp_path / "b", filled=capacity(limited_by="limit"))).holds_more


@pytest.mark.parametrize(("during", "contention"), [(20, 0.0), (40, 1.0), (80, 3.0)])
def test_what_a_load_slows_down_is_measured_in_requests(tmp_path: Path, during: int, contention: float) -> None:
    """One server: as slow as beside one more request it is at half the speed, beside three more at a quarter."""
    files = write_run(
        tmp_path / "resnet18",
        sample_table(
            [
                Sample(1e3 * begin + 20 * turn, 1e3 * begin + 20 * turn + 20 * users, cold=False)
                for begin, users in ((0, 1), (10, 4))
                for turn in range(500)
            ]
        ),
        (StageWindow(users=1, start=0, ready=0, end=10), StageWindow(users=4, start=10, ready=10, end=20)),
        capacity=capacity(),
    )
    assert measured(files).contention is None
    assert contention_of(measured(files), None) == 1.0
    # Of one server that is shared, a load makes requests slower by as much however many of them there are.
    beside = [Sample(20_000 + 40 * turn, 20_000 + 40 * turn + during, target="one") for turn in range(100)]
    loads = files.experiment("interference").loads
    write_run(
        loads,
        sample_table(
            [
                *(Sample(40 * turn, 40 * turn + 20, target="one") for turn in range(500)),
                *beside,
                Sample(20_000, 24_000, cold=True, target="two"),
            ]
        ),
        (StageWindow(users=9, start=0, ready=0, end=20), StageWindow(users=9, start=20, ready=20, end=40)),
    )
    assert measured(files).contention == pytest.approx(contention, abs=0.05)
    assert contention_of(measured(files), 7.0) == 7.0


def test_a_fleet_has_each_kind_with_its_memory_loads_and_latencies(tmp_path: Path) -> None:
    files = write_fleet(tmp_path / "shop", WARM, closed_loop(1, 4))
    found = measured(files)
    assert [kind.name for kind in found.kinds] == ["photos", "reviews"]
    assert [kind.requests for kind in found.kinds] == [0.7, 0.3]
    assert [kind.targets for kind in found.kinds] == pytest.approx([2 / 3, 1 / 3])
    assert found.kinds[1].names[0] == "reviews-v1.tar.gz"
    mib = 2**20
    assert [memory.copy for memory in found.memory] == [200 * mib, 300 * mib]
    assert found.budget == (11 * 200 + 5 * 300 + 2 * 50) * mib
    assert np.median(found.levels[0].latency, axis=1) == pytest.approx([0.02, 0.04], rel=0.1)
    assert found.loads.mean(axis=1) == pytest.approx([0.98, 0.96], abs=0.01)


def refused(tmp_path: Path, **fields: Any) -> str:
    files = write_measured(tmp_path / "resnet18", users=(2,))
    change(files, **fields)
    with pytest.raises(BadInputError) as caught:
        measured(files)
    message = str(caught.value)
    assert message.startswith(str(files.prefix))
    assert len(message.splitlines()) == 1
    return message


def test_a_run_without_capacity_is_refused(tmp_path: Path) -> None:
    assert "no capacity was found; write targets: capacity" in refused(tmp_path, capacity=None)


def test_a_run_of_several_instances_is_refused(tmp_path: Path) -> None:
    assert "3 instances" in refused(tmp_path, spec={"endpoint": {"kind": "sagemaker", "instance_count": 3}})


def test_an_instance_on_which_nothing_fitted_is_refused(tmp_path: Path) -> None:
    assert "no model fits" in refused(tmp_path, capacity=capacity(fits=0))


def test_a_run_in_which_nothing_was_loaded_is_refused(tmp_path: Path) -> None:
    assert "nobody knows how long that takes" in refused(tmp_path, capacity=capacity(()))


def test_a_run_without_a_warm_stage_is_refused(tmp_path: Path) -> None:
    assert "no stage in which all models were in memory" in refused(tmp_path, stages=())
    files = write_measured(tmp_path / "cold", cold=0.2)
    with pytest.raises(BadInputError, match="no stage in which all models were in memory"):
        measured(files)


def test_a_stage_in_which_some_were_cold_is_left_out(tmp_path: Path) -> None:
    files = write_measured(tmp_path / "resnet18", users=(1, 2))
    change(files, stages=(stage(0, 1), stage(1, 2), StageWindow(users=1, start=40, ready=40, end=60)))
    assert len(measured(files).levels) == 2


def test_a_run_without_samples_is_refused(tmp_path: Path) -> None:
    files = write_measured(tmp_path / "resnet18", users=(2,))
    files.samples.unlink()
    with pytest.raises(BadInputError, match="no samples; run it again"):
        measured(files)


def test_a_fleet_of_which_a_kind_was_never_in_memory_is_refused(tmp_path: Path) -> None:
    files = write_fleet(tmp_path / "shop", WARM, closed_loop(1))
    run = read_run(files.run)
    assert run.capacity is not None
    unknown = run.capacity.kinds[0].model_copy(update={"bytes_per_copy": None})
    change(files, capacity=run.capacity.model_copy(update={"kinds": (unknown, run.capacity.kinds[1])}))
    with pytest.raises(BadInputError, match="does not say what a copy of each model takes") as caught:
        measured(files)
    assert str(files.prefix) in str(caught.value)


def test_loads_of_a_kind_are_its_own(tmp_path: Path) -> None:
    files = write_fleet(tmp_path / "shop", WARM, closed_loop(1, 4))
    run = read_run(files.run)
    assert isinstance(run.capacity, Capacity)
    loads = tuple(
        FirstInvocation(
            target=load.target, kind=load.kind, seconds=3.0 if load.kind == "reviews" else 1.0, memory_used=None
        )
        for load in run.capacity.loads
    )
    change(files, capacity=run.capacity.model_copy(update={"loads": loads}))
    assert measured(files).loads.mean(axis=1) == pytest.approx([0.98, 2.96], abs=0.02)
