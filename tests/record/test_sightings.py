from pathlib import Path

import pytest

from mmebench.figures.columns import time_columns
from mmebench.figures.stage import summarise_stage
from mmebench.record.run import StageWindow
from mmebench.record.sightings import ServerTimes, Sighting, read_sightings, server_times, write_sightings
from support.samples import Sample, sample_table

WINDOW = StageWindow(users=1, start=0, ready=2, end=10)


def sighting(at: float, invocations: int, requests: int | None = None) -> Sighting:
    """10 ms of the model of which 2 in the queue and 5 in the model, 1 ms of the router, 0.5 ms of loading."""
    requests = invocations if requests is None else requests
    return Sighting(
        at=at,
        targets=3,
        memory_used=0,
        loads=0,
        evictions=0,
        least_recently_used=None,
        invocations=invocations,
        model_latency_us=10_000.0 * invocations,
        overhead_us=1500.0 * invocations,
        loading_us=500.0 * invocations,
        requests=requests,
        queue_us=2000 * requests,
        compute_us=5000 * requests,
    )


def seen(tmp_path: Path, *sightings: Sighting) -> ServerTimes:
    write_sightings(sightings, tmp_path / "sightings.csv")
    return server_times(read_sightings(tmp_path / "sightings.csv"), WINDOW)


def test_the_mean_latency_is_split_over_what_it_went_on(tmp_path: Path) -> None:
    other = Sighting(1, 3, 0, 0, 0, None, 1, 9e9, 9e9, 9e9, 1, 9, 9)  # before the window
    times = seen(tmp_path, other, sighting(2.5, 100), sighting(6, 150), sighting(9.5, 300), sighting(11, 301))
    assert (times.loading, times.router, times.container, times.queue, times.compute) == pytest.approx(
        (0.5, 1, 3, 2, 5)
    )
    stage = summarise_stage(WINDOW, sample_table([Sample(3000, 3012), Sample(4000, 4014)]))
    columns = time_columns(stage, times)
    assert columns["client_ms"] == pytest.approx(1.5)
    assert sum(float(str(value)) for value in columns.values()) == pytest.approx(stage.mean)


def test_a_container_without_counters(tmp_path: Path) -> None:
    times = seen(tmp_path, sighting(3, 100, requests=0), sighting(9, 200, requests=0))
    assert (times.router, times.container, times.queue, times.compute) == (1, 10, None, None)
    assert times.total == pytest.approx(11.5)


@pytest.mark.parametrize(
    "sightings",
    [
        (),
        (sighting(5, 100),),
        (sighting(3, 100), sighting(9, 100)),
        (Sighting(3, 1, 0, 0, 0, None), Sighting(9, 1, 0, 0, 0, None)),
    ],
    ids=["none", "one", "idle", "silent"],
)
def test_nothing_is_said_where_nothing_was_seen(tmp_path: Path, sightings: tuple[Sighting, ...]) -> None:
    times = seen(tmp_path, *sightings)
    assert times == ServerTimes()
    assert times.total is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert read_sightings(tmp_path / "missing.csv").empty
