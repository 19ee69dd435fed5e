"""Folders of archives as fleets: what is read from the archives, and what the rest of the spec means for them."""

from pathlib import Path
from typing import Any

import pytest

from mmebench.errors import BadInputError
from mmebench.models.archive_completion import complete_archives
from mmebench.spec.reading import read_spec
from support.tiny_models import WIDTH, onnx_archive, torchscript_archive


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archives")
    for name in ("c", "a"):
        onnx_archive(path / f"{name}.tar.gz", 1.0)
    torchscript_archive(path / "b.tar.gz", 1.0)
    return path


def parts(folder: Path, popularity: Any) -> dict[str, float]:
    spec = read_spec({"models": {"from": str(folder)}, "workload": {"popularity": popularity}}, "test")
    whole = complete_archives(spec)
    assert whole.remarks == ()
    assert {kind.popularity.kind for kind in whole.fleets[0].kinds} == {"uniform"}
    return {str(kind.name): kind.requests for kind in whole.fleets[0].kinds}


def test_archives_say_what_they_are(folder: Path) -> None:
    (fleet,) = complete_archives(read_spec({"models": {"from": str(folder)}}, "test")).fleets
    assert (fleet.name, fleet.platform) == (folder.name, "mix")
    assert [(kind.name, kind.platform.label, kind.targets.fixed) for kind in fleet.kinds] == [
        ("a", "onnx", 1), ("b", "pt", 1), ("c", "onnx", 1),
    ]  # fmt: skip
    (tensor,) = fleet.kinds[0].model.inputs  # type: ignore[attr-defined]
    assert (tensor.name, tensor.datatype, tensor.dims) == ("x", "FP32", (WIDTH,))


@pytest.mark.parametrize(
    ("popularity", "expected"),
    [
        ("uniform", (1 / 3, 1 / 3, 1 / 3)),
        ({"kind": "zipf", "s": 1}, (6 / 11, 3 / 11, 2 / 11)),
        ({"kind": "hot", "targets": 1, "share": 1}, (1, 0, 0)),
        ({"kind": "weights", "weights": {"c.tar.gz": 3, "a.tar.gz": 1}}, (0.25, 0, 0.75)),
    ],
)
def test_popularity_is_that_of_the_archives(folder: Path, popularity: Any, expected: tuple[float, ...]) -> None:
    """Each is only one target, within which there is nothing to spread."""
    assert parts(folder, popularity) == pytest.approx(dict(zip("abc", expected, strict=True)))


def test_a_popularity_of_more_targets_than_there_are_archives(folder: Path) -> None:
    with pytest.raises(BadInputError, match=r"popularity\.targets: got 4; allowed: up to 3"):
        parts(folder, {"kind": "hot", "targets": 4})
