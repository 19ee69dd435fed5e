"""A search's verdict on a probe, and what the report says of the same stage."""

import time
from pathlib import Path

import pytest

from mmebench.figures.stage import summarise_stage
from mmebench.figures.summary import summarise
from mmebench.load.schedule.plan import judge
from mmebench.record.run import StageWindow
from mmebench.report.words import objectives as report
from mmebench.spec import Goodput, Objectives
from support.load_run import LoadRun
from support.samples import Sample, sample_table, write_run
from support.scripted_server import OK, Step

OBJECTIVES = [
    Objectives(p99=0.2),
    Objectives(failures=0.01),
    Objectives(goodput=Goodput(within=0.2, share=0.99)),
    Objectives(p99=0.2, failures=0.01),
]
OPEN = StageWindow(users=100, start=0, ready=1, end=2, rate=1000, due=1000, not_started=0)
CLOSED = StageWindow(users=100, start=0, ready=1, end=2)


def near_the_limit(late: int, failed: int) -> list[Sample]:
    """A thousand requests that were due within the second, and others before and after it that do not count."""
    samples = [Sample(start, start + 100) for start in range(1000, 2000)]
    for number in range(late):  # answered long after the window, but due within it
        samples[999 - number] = Sample(1999 - number, 3500)
    for number in range(failed):
        samples[number] = Sample(1000 + number, 1100 + number, "ModelError", status=424)
    before = [Sample(start, start + 1000) for start in range(900, 1000)]
    return [*before, *samples, *(Sample(start, start + 1000) for start in range(2000, 2100))]


@pytest.mark.parametrize("objectives", OBJECTIVES, ids=str)
@pytest.mark.parametrize("window", [OPEN, CLOSED], ids=["open", "closed"])
@pytest.mark.parametrize(("late", "failed", "not_started"), [(9, 0, 0), (10, 0, 0), (11, 0, 0), (0, 10, 0),
    (0, 11, 0), (5, 5, 0), (6, 5, 0), (0, 0, 10), (0, 0, 11), (0, 5, 6), (300, 0, 0), (0, 995, 0)])  # fmt: skip
def test_the_search_and_the_report_judge_alike(
    tmp_path: Path, objectives: Objectives, window: StageWindow, late: int, failed: int, not_started: int
) -> None:
    if window is OPEN:
        window = OPEN.model_copy(update={"due": 1000 + not_started, "not_started": not_started})
    samples = sample_table(near_the_limit(late, failed))
    verdict = judge(window, samples, objectives)
    directory = tmp_path / "model"
    directory.mkdir()
    write_run(directory, samples, (window,), objectives.model_dump(mode="json"))
    said = report.judge(summarise(directory), objectives)
    assert verdict.note.startswith("missed") is not said.met, verdict.note
    assert verdict.met is ("held up to" in said.lines[0]), verdict.note


@pytest.mark.parametrize(
    ("late", "failed", "not_started", "objectives", "note"),
    [
        (10, 0, 0, OBJECTIVES[0], "met the objectives"),
        (11, 0, 0, OBJECTIVES[0], "missed: p99 1501 ms"),
        (0, 0, 11, OBJECTIVES[0], "missed: 1.09% never started"),
        (0, 950, 0, OBJECTIVES[0], "cannot be judged: 50 answers are too few for a p99, 50 more would do"),
        (0, 10, 0, OBJECTIVES[1], "met the objectives"),
        (0, 11, 0, OBJECTIVES[1], "missed: 1.10% failed"),
        (6, 5, 0, OBJECTIVES[2], "missed: 98.90% in good time"),
    ],
)
def test_an_open_loop_is_judged_by_what_was_due(
    late: int, failed: int, not_started: int, objectives: Objectives, note: str
) -> None:
    window = OPEN.model_copy(update={"due": 1000 + not_started, "not_started": not_started})
    assert judge(window, sample_table(near_the_limit(late, failed)), objectives).note == note


def test_nothing_answered_is_nothing_met() -> None:
    verdict = judge(OPEN, sample_table([]), Objectives(failures=1))
    assert (verdict.met, verdict.note) == (False, "missed: no request was answered within the window")


@pytest.mark.slow
def test_a_probe_is_judged_by_its_late_answers_too(tmp_path: Path) -> None:
    """What is due in the last second of the first probe is answered after its end."""
    first = 0.0

    def script(number: int) -> tuple[Step, ...]:
        nonlocal first
        first = first or time.monotonic()
        return (2.5 if 2 < time.monotonic() - first < 3 else 0.01, OK)

    objectives = Objectives(p99=0.5)
    search = {"from": 100, "limit": 100, "duration": 3, "warmup": 1, "tolerance": 0.9, "users": 100}
    run = LoadRun(
        tmp_path,
        script,
        {"arrivals": {"kind": "constant"}, "profile": {"search": search}},
        objectives=objectives,
    )
    missed, met = run.stages
    assert (missed.note or "").startswith("missed: p99 2")
    assert (met.rate, met.note) == (50, "met the objectives")
    for stage in run.stages:
        assert judge(stage, run.samples, objectives).note == stage.note, "nothing is known later that was not then"
        figures = summarise_stage(stage, run.samples)
        assert (stage.due, stage.not_started) == (figures.successes, 0)
