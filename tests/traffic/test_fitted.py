from pathlib import Path

import numpy as np
import pytest

from mmebench.errors import BadInputError
from mmebench.spec import Spec
from mmebench.spec.reading import read_spec
from mmebench.traffic.fitted import Fitted


def fields(path: Path) -> dict[str, object]:
    return {
        "model": {"source": "timm", "name": "resnet18"},
        "platforms": "onnx",
        "workload": {"popularity": {"kind": "fitted", "path": str(path)}},
    }


def write_trace(path: Path, s: float) -> Path:
    shares = np.arange(1, 301) ** -s
    targets = np.random.default_rng(5).choice(300, 40_000, p=shares / shares.sum())
    path.write_text("timestamp,target\n" + "".join(f"{n / 50},m{target}\n" for n, target in enumerate(targets)))
    return path


@pytest.mark.parametrize("s", [0.7, 1.2])
def test_the_exponent_is_that_of_the_trace_for_any_number_of_targets(s: float, tmp_path: Path) -> None:
    popularity = read_spec(fields(write_trace(tmp_path / "trace.csv", s)), "spec").workload.popularity
    assert isinstance(popularity, Fitted)
    assert popularity.s is not None
    assert popularity.s == pytest.approx(s, abs=0.03)
    spread = popularity.spread([""] * 20)
    assert spread[0] / spread[9] == pytest.approx(10**popularity.s)


def test_who_gets_the_spec_later_needs_no_trace(tmp_path: Path) -> None:
    """As client processes on other hosts do."""
    path = write_trace(tmp_path / "trace.csv", 1.0)
    spec = read_spec(fields(path), "spec")
    path.unlink()
    assert Spec.model_validate(spec.model_dump(mode="json")).workload == spec.workload


def test_another_trace_under_the_same_name_is_another_popularity(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    first = read_spec(fields(write_trace(path, 0.6)), "spec").workload.popularity
    assert read_spec(fields(write_trace(path, 1.3)), "spec").workload.popularity != first


@pytest.mark.parametrize(
    ("text", "message"), [(None, "No such file"), ("a,b\n1,2\n", "allowed: timestamp and target")]
)
def test_what_is_no_trace_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_spec(fields(path), "spec")
