from pathlib import Path

import pytest

from mmebench.benchmark.experiments.cold_starts.figures import ColdStart, write_cold_starts
from mmebench.benchmark.experiments.restart.figures import write_moment
from mmebench.benchmark.experiments.scale_out.figures import write_course
from mmebench.endpoints.endpoint import InstanceChange
from mmebench.record.run import StageWindow
from mmebench.report.words.experiments import write_experiments
from support.samples import Sample, sample_table, write_run


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        ((2.0, 3.0, 9.0), "a cold start takes 3 s at the median and 9 s at most, 1 at once; warm 50 ms"),
        ((3.0,), "a cold start takes 3 s at most, 1 at once"),
    ],
)
def test_what_cold_starts_show(tmp_path: Path, seconds: tuple[float, ...], sentence: str) -> None:
    files = write_run(tmp_path, sample_table([Sample(0, 5)]), ())
    cold_starts = [ColdStart("a", 1, each, 0.1, 0.2, 0.3, 0.1, each - 0.7, 0.05) for each in seconds]
    write_cold_starts(cold_starts, files.experiment("cold_starts").table)
    assert write_experiments(files, "a footer") == [f"pt: {sentence}"]


def test_of_many_models_those_with_the_longest_cold_starts_have_a_line(tmp_path: Path) -> None:
    files = write_run(tmp_path, sample_table([Sample(0, 5)]), ())
    cold_starts = [
        ColdStart(f"m{number}", 1, number / 10, 0.1, 0.2, 0.3, 0.1, 0.3, 0.05, f"m{number}")
        for number in range(1, 68)
    ]
    write_cold_starts(cold_starts, files.experiment("cold_starts").table)
    *longest, rest = write_experiments(files, "a footer")
    assert longest == [
        f"m{number}: a cold start takes {number / 10} s at most, 1 at once" for number in range(63, 68)
    ]
    assert "62 more models have none as long" in rest
    assert files.experiment("cold_starts").table.name in rest


def write_load(loads: Path, seconds: int, *stages: StageWindow) -> None:
    """An experiment's load: ten requests a second of which nobody says whether they were cold."""
    samples = [Sample(at * 100.0, at * 100.0 + 20) for at in range(10 * seconds)]
    write_run(loads, sample_table(samples), stages)


@pytest.mark.usefixtures("undrawn")
def test_an_endpoint_that_does_not_say_what_is_cold(tmp_path: Path) -> None:
    """As SageMaker: p99 alone tells when it is as before."""
    files = write_run(tmp_path, sample_table([Sample(0, 5)]), ())
    restart = files.experiment("restart").loads
    write_load(restart, 60, StageWindow(users=0, start=0, ready=5, end=60))
    write_moment(30.0, restart)
    stages = (
        StageWindow(users=0, start=0, ready=5, end=20),
        StageWindow(users=0, start=20, ready=20, end=60),
    )
    scaled = files.experiment("scale_out").loads
    write_load(scaled, 60, *stages)
    write_course([(25.0, InstanceChange("alarm", 2, 0.0)), (35.0, InstanceChange("added", 2, 0.0))], [], scaled)
    again, grown = write_experiments(files, "a footer")
    assert again == (
        "pt: with nothing in memory, as before again: hit ratio nobody says, p99 after 0 ms; p99 of a stretch is "
        "20 ms usually, and 20 ms at worst"
    )
    assert grown == (
        "pt: after a step of the load, the alarm after 5 s, and 2 instances serve after 15 s; p99 as before after "
        "15 s; of 400 requests 0 failed and 0 took over twice the usual p99"
    )


@pytest.mark.usefixtures("undrawn")
def test_a_deployment_that_outlasts_its_load(tmp_path: Path) -> None:
    files = write_run(tmp_path, sample_table([Sample(0, 5)]), ())
    loads = files.experiment("restart").loads
    write_load(loads, 30, StageWindow(users=0, start=0, ready=5, end=30))
    write_moment(700.0, loads)
    (line,) = write_experiments(files, "a footer")
    assert line.endswith(
        "the load was over when nothing was in memory; give experiment restart a stage that is longer"
    )
