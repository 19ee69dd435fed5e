import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import mmebench
from mmebench import Benchmark, api, load_results
from mmebench.errors import BadInputError
from mmebench.record.run import StageWindow
from support.fleets import closed_loop, many, write_fleet
from support.samples import Sample, sample_table, write_run

STAGES = (StageWindow(users=2, start=0, ready=1, end=11), StageWindow(users=4, start=11, ready=12, end=22))


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results that the docstrings speak of."""
    samples = [Sample(1000 + 99 * n, 1020 + 99 * n) for n in range(100)]
    samples += [Sample(12_000 + 19 * n, 12_030 + 19 * n) for n in range(500)]
    directory = tmp_path / "results" / "resnet18"
    write_run(directory, sample_table(samples), STAGES)
    for further in ("results/resnet34", "again/resnet18", "again/resnet34"):
        write_run(tmp_path / further, sample_table(samples), STAGES)
    monkeypatch.chdir(tmp_path)
    return directory


def test_the_docstrings_are_true(results: Path) -> None:
    outcome = doctest.testmod(api, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.failed == 0
    assert outcome.attempted >= 10


def test_a_spec_from_a_file_and_from_python_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("model: {source: timm, name: resnet18}\nplatforms: [onnx]\n", encoding="utf-8")
    changed = Benchmark.from_file(path, "workload.payload.batch=4").spec
    assert (
        changed
        == Benchmark(
            model={"source": "timm", "name": "resnet18"}, platforms=["onnx"], workload={"payload": {"batch": 4}}
        ).spec
    )


def test_results_lead_to_everything_that_is_there(results: Path) -> None:
    found = load_results(results)
    assert found.report == results / "report.html"
    assert found.report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [path.name for path in found.charts] == [
        "local*pt*3_chart1.png",
        "local*pt*3_latency.png",
        "chart2.png",
        "distribution.png",
        "knee.png",
    ]
    assert "Little's law comes to 0.10" in found.warnings[0]
    with pytest.raises(BadInputError, match=r"got run 'x'; allowed: local\*pt\*3"):
        found.samples("x")
    with pytest.raises(BadInputError, match="if the spec asked for it"):
        found.experiment("working_set")


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import mmebench, sys; assert 'mmebench.api' not in sys.modules; "
        "mmebench.load_results; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not hasattr(mmebench, "nonsense")


def test_other_mixes_are_predicted_from_what_was_filled(tmp_path: Path) -> None:
    files = write_fleet(tmp_path / "shop", many(2), closed_loop(1))
    found = load_results(files.directory)
    name = found.by_model["model"].iloc[0]
    predicted = found.predict_mix({name: 1})
    assert predicted[name].low <= predicted[name].fits <= predicted[name].high
    for shares in ({}, {"films": 1}, {name: 0}):
        with pytest.raises(BadInputError, match=r"predict_mix: got .*; allowed: parts over 0 of"):
            found.predict_mix(shares)


def test_a_mix_is_predicted_of_fleets_only(results: Path) -> None:
    with pytest.raises(BadInputError, match="allowed: only for a fleet that was filled"):
        load_results(results).predict_mix({"resnet18": 1})
