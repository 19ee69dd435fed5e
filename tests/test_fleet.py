"""Fleets in specs."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from mmebench.errors import BadInputError
from mmebench.spec import Spec
from mmebench.spec.fleet import proportionally
from mmebench.spec.reading import read_spec

PHOTOS: dict[str, Any] = {"model": {"source": "timm", "name": "resnet18"}, "platform": "onnx"}
REVIEWS: dict[str, Any] = {
    "model": {"source": "huggingface", "name": "bert-base-uncased"},
    "platform": {"kind": "onnx", "precision": "fp16"},
}


def spec(photos: dict[str, Any] | None = None, reviews: dict[str, Any] | None = None, **more: Any) -> Spec:
    models = {"photos": PHOTOS | (photos or {}), "reviews": REVIEWS | (reviews or {})}
    return read_spec({"models": models} | more, "test")


def test_a_fleet_is_one_run_whatever_it_is_made_of() -> None:
    (fleet,) = spec(name="shop").fleets
    assert (fleet.name, fleet.platform) == ("shop", "mix")
    assert [kind.name for kind in fleet.kinds] == ["photos", "reviews"]
    assert [kind.platform.label for kind in fleet.kinds] == ["onnx", "onnx-fp16"]


def test_one_model_is_a_run_a_platform() -> None:
    one = read_spec({"model": PHOTOS["model"], "platforms": ["pt", "onnx"], "targets": 5}, "test")
    assert [fleet.platform for fleet in one.fleets] == ["pt", "onnx"]
    (kind,) = one.fleets[0].kinds
    assert (kind.name, kind.requests, kind.targets.fixed) == (None, 1.0, 5)


@pytest.mark.parametrize(
    ("asked", "shares"),
    [
        (({}, {}), (0.5, 0.5)),
        (({"requests": 0.7}, {"requests": 0.3}), (0.7, 0.3)),
        (({"requests": 3}, {"requests": 1}), (0.75, 0.25)),
    ],
)
def test_shares_make_a_whole(asked: tuple[dict[str, Any], dict[str, Any]], shares: tuple[float, float]) -> None:
    assert tuple(kind.requests for kind in spec(*asked).fleets[0].kinds) == pytest.approx(shares)


def test_what_a_member_leaves_out_is_the_workloads() -> None:
    workload = {"payload": {"batch": 2}, "popularity": {"kind": "zipf"}}
    fleet = spec({"payload": {"batch": 4}}, {"popularity": "round_robin"}, workload=workload).fleets[0]
    assert [kind.payload.batch for kind in fleet.kinds] == [4, 2]
    assert [kind.popularity.kind for kind in fleet.kinds] == ["zipf", "round_robin"]


def test_rates_of_models_are_the_rate_of_stages_that_say_none() -> None:
    workload: dict[str, Any] = {"arrivals": "poisson", "profile": [{"duration": "10s"}, {"rate": 50}]}
    fleet = spec({"rate": 15}, {"rate": 5}, workload=workload)
    assert [stage.rate for stage in fleet.workload.profile.stages] == [20, 50]
    assert [kind.requests for kind in fleet.fleets[0].kinds] == [0.75, 0.25]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"photos": {"requests": 0.7}}, "models.reviews.requests: missing, while photos has it; give it to all"),
        (
            {"photos": {"requests": -1}},
            "models.photos.requests: got -1; allowed: a number or a share as 70%, over 0",
        ),
        (
            {"photos": {"requests": 0}},
            "models.photos.requests: got 0; allowed: a number or a share as 70%, over 0",
        ),
        ({"photos": {"requests": 1, "rate": 2}}, "models.photos: got both requests and rate"),
        ({"photos": {"rate": 3}, "reviews": {"rate": 3}}, "models.photos.rate: a closed loop has no rate"),
        (
            {"photos": {"rate": 3}, "reviews": {"rate": 3}, "workload": {"profile": [{"users": 4}]}},
            "models.photos.rate: a closed loop has no rate",
        ),
        ({"photos": {"platform": None}}, "models.photos.platform: missing; write e.g. platform: onnx"),
        ({"photos": {"platform": "keras"}}, "models.photos.platform: got 'keras'; allowed: pt, pt2, onnx"),
        ({"photos": {"payload": {"batch": 9}}}, "models.photos.payload.batch 9 goes over max_batch_size 8"),
        ({"photos": {"targets": {"count": 3, "share": 2}}}, "models.photos.targets: got both count and share"),
        ({"photos": {"popularity": "trace"}}, "models.photos.popularity trace needs arrivals trace"),
        ({"model": PHOTOS["model"]}, "got both models and model; each of models says it for itself"),
        ({"platforms": ["pt"]}, "got both models and platforms"),
        ({"targets": 12}, r"targets: got 12 for all models together; write how many there are of each"),
        (
            {"photos": {"targets": 3}, "targets": {"capacity": 2}},
            r"targets: got 2 times what fits, and models\.photos",
        ),
        ({"objectives": {"models": {"films": {"p99": "1s"}}}}, "objectives.models: got 'films'; allowed: photos"),
        ({"models": {}}, "models: got an empty mapping|models: got .*; allowed"),
        ({"models": {"a b": PHOTOS}}, "a b"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused_in_words(change: dict[str, Any], message: str) -> None:
    fields = {
        "models": {"photos": PHOTOS | change.pop("photos", {}), "reviews": REVIEWS | change.pop("reviews", {})}
    }
    with pytest.raises(BadInputError, match=message):
        read_spec(fields | change, "test")


def test_objectives_of_single_models_are_for_fleets() -> None:
    one = {"model": PHOTOS["model"], "platforms": "pt", "objectives": {"models": {"resnet18": {"p99": "1s"}}}}
    with pytest.raises(BadInputError, match=r"objectives\.models: is for a fleet of models"):
        read_spec(one, "test")
    with pytest.raises(BadInputError, match="name: is for a fleet of models"):
        read_spec({"model": PHOTOS["model"], "platforms": "pt", "name": "shop"}, "test")


def test_a_folder_of_archives_is_a_fleet() -> None:
    folder = read_spec({"models": {"from": "archives/"}}, "test").models
    assert folder.folder == Path("archives")  # type: ignore[union-attr]
    odd = read_spec({"models": {"from": PHOTOS}}, "test")
    assert [kind.name for kind in odd.fleets[0].kinds] == ["from"], "a model may be called so"


def test_copies_come_in_proportion_at_any_time() -> None:
    shares, unbounded = {"a": 3.0, "b": 1.0}, {"a": None, "b": None}
    order = "".join(islice(proportionally(shares, unbounded), 40))
    assert order[:8] == "aabaaaba"
    for length in range(1, 41):
        assert abs(order[:length].count("a") - 0.75 * length) <= 1
    assert "".join(proportionally({"a": 4, "b": 2}, {"a": 4, "b": 2})) == "abaaba"


def test_shares_that_do_not_add_up_are_told_as_they_are_taken() -> None:
    assert spec({"requests": 0.7}, {"requests": 0.3}).remarks == ()
    assert spec().remarks == ()
    (said,) = spec({"requests": 0.7}, {"requests": 0.6}).remarks
    assert said == "the parts of requests add up to 1.3; taken as photos 53.85%, reviews 46.15%"
