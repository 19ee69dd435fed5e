import math
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


def write_load(loads: Path, seconds: int, *stages: StageWindow, answered: float = math.inf) -> None:
    """An experiment's load: ten requests a second of which nobody says whether they were cold.

    From second ``answered`` on all of them fail.
    """
    samples = [
        Sample(at * 100.0, at * 100.0 + 20, error="ReadTimeout" if at >= 10 * answered else None)
        for at in range(10 * seconds)
    ]
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


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("answered", "tail"),
    [(30, "p99 of a stretch is 20 ms usually"), (0, "nothing was answered")],
)
def test_an_endpoint_that_answers_no_more(answered: float, tail: str, tmp_path: Path) -> None:
    files = write_run(tmp_path, sample_table([Sample(0, 5)]), ())
    restart, scaled, beside = (files.experiment(kind).loads for kind in ("restart", "scale_out", "interference"))
    whole = StageWindow(users=0, start=0, ready=5, end=60)
    write_load(restart, 60, whole, answered=answered)
    write_moment(30.0, restart)
    halves = whole.model_copy(update={"end": 30}), StageWindow(users=0, start=30, ready=30, end=60)
    for loads in (scaled, beside):
        write_load(loads, 60, *halves, answered=answered)
    write_course([(35.0, InstanceChange("alarm", 2, 0.0)), (45.0, InstanceChange("added", 2, 0.0))], [], scaled)
    neighbours, again, grown = write_experiments(files, "a footer")
    assert again.endswith(f"p99 not within 30 s; {tail}; 300 requests failed meanwhile")
    assert "p99 as before not until the end" in grown
    assert "of 300 requests 300 failed" in grown
    assert "requests failed" in neighbours
