import pandas as pd
import pytest

from mmebench.report.words.conclusions import conclude
from mmebench.spec import Goodput, Objectives
from support.summaries import stages

ONNX = stages("onnx", [(1, 35, 28, 420, 0), (4, 66, 60, 790, 0), (16, 70, 228, 840, 0)]).assign(capacity=12)
PT = stages("pt", [(1, 20, 50, 240, 0), (4, 38, 105, 456, 0), (16, 40, 400, 480, 3)])
BOTH = pd.concat([PT, ONNX], ignore_index=True)


def test_the_verdict_names_the_better_one_first_and_says_what_each_holds() -> None:
    verdict = conclude(BOTH, Objectives()).verdict
    assert verdict == (
        "onnx on local-2cpu-2GiB serves most: 74% more requests per second than pt on local-2cpu-2GiB "
        "(62% to 86%), and fits 12 times against 9.",
        "On local-2cpu-2GiB, 9 targets as pt; 38 requests/s at p99 210 ms (4 users).",
        "On local-2cpu-2GiB this model fits 12 times as onnx; 66 requests/s at p99 120 ms (4 users).",
    )


def test_objectives_decide_which_load_counts() -> None:
    verdict = conclude(BOTH, Objectives(p99=0.13)).verdict
    assert "230% more requests per second" in verdict[0]
    assert "20 requests/s at p99 100 ms (1 user)" in verdict[1]
    assert "66 requests/s at p99 120 ms (4 users)" in verdict[2]
    only = conclude(BOTH, Objectives(p99=0.09)).verdict
    assert only[0] == "onnx on local-2cpu-2GiB is the only one that served a load well."
    assert "no load was served within the objectives: missed in every stage (1 user: p99 100 ms)." in only[1]
    none = conclude(PT, Objectives(goodput=Goodput(within=0.01, share=1.0))).verdict
    assert none == (
        "On local-2cpu-2GiB, 9 targets as pt; no load was served within the objectives: missed in every stage "
        "(1 user: 95.00% in good time).",
    )


def few(platform: str) -> pd.DataFrame:
    """Too few answers for a p99."""
    return stages(platform, [(1, 35, 28, 40, 0), (4, 66, 60, 80, 0)]).assign(p99_ms=float("nan"))


def test_what_cannot_be_judged_is_not_called_missed() -> None:
    lonely = conclude(few("pt"), Objectives(p99=1)).verdict
    assert lonely == (
        "On local-2cpu-2GiB, 9 targets as pt; how it serves them cannot be judged in any stage "
        "(4 users: 80 answers are too few for a p99, 20 more would do).",
    )
    both = conclude(pd.concat([few("pt"), ONNX], ignore_index=True), Objectives(p99=1)).verdict
    assert both[0] == "onnx on local-2cpu-2GiB served a load well; of pt on local-2cpu-2GiB it cannot be judged."


def test_within_their_intervals_none_of_them_serves_most() -> None:
    """65/s (61.8 to 68.2) and 66/s."""
    close = stages("pt", [(1, 34, 28, 420, 0), (4, 65, 60, 790, 0)])
    assert conclude(pd.concat([close, ONNX.head(2)], ignore_index=True), Objectives()).verdict[0] == (
        "Between onnx on local-2cpu-2GiB and pt on local-2cpu-2GiB no difference is shown: 66 (62.7 to 69.3), "
        "65 (61.8 to 68.2) requests per second. They fit 12 and 9 times."
    )


@pytest.mark.parametrize(
    ("limited_by", "text"), [("limit", "fits at least 12 times"), ("eviction", "fits 12 times")]
)
def test_what_limited_the_filling_and_what_a_copy_takes(limited_by: str, text: str) -> None:
    (sentence,) = conclude(ONNX.assign(capacity_limited_by=limited_by, bytes_per_copy=2**20), Objectives()).verdict
    assert f"{text} as onnx, 1 MiB each" in sentence


def test_what_has_a_price_says_what_a_million_cost() -> None:
    priced = ONNX.assign(usd_per_hour=1.5, usd_per_million_inferences=[11.9, 6.31, 5.952])
    sentence, choice = conclude(priced, Objectives()).verdict
    assert sentence.endswith("at p99 120 ms (4 users); $6.31 for a million inferences.")
    assert choice.startswith(
        "onnx on local-2cpu-2GiB serves 158,000 inferences for a dollar (66 requests/s at $1.5"
    )


def test_warnings_say_why_a_figure_may_mislead() -> None:
    weak = PT.assign(complete=False, cold_inferred=True, note=["", "probe", ""], littles_law=[1.0, 1.0, 0.7])
    warnings = "\n".join(conclude(weak, Objectives()).warnings)
    for text in (
        "pt on local-2cpu-2GiB: the run did not get to its end.",
        "which requests were cold is inferred",
        "16 users: the client itself was busy",
        "16 users: 3 of 483 requests failed",
        "16 users: not stationary, or users who think: Little's law comes to 0.70",
        "4 users: probe.",
    ):
        assert text in warnings
    assert conclude(ONNX.head(2).assign(note=None), Objectives()).warnings == ()
    history = conclude(
        ONNX.head(1).assign(note=None, basis="locust history", complete=None), Objectives()
    ).warnings
    assert len(history) == 1
