from dataclasses import replace
from pathlib import Path

from mmebench.record.layout import RunFiles, find_runs


def test_names_are_those_of_the_layout(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, "ml.g4dn.2xlarge", "trt", 42)
    assert files.stats_history.name == "ml.g4dn.2xlarge*trt*42_stats_history.csv"
    assert files.samples.name == "ml.g4dn.2xlarge*trt*42_samples.parquet"
    assert files.latency_chart.name == "ml.g4dn.2xlarge*trt*42_latency.png"
    assert files.resources_chart.name == "ml.g4dn.2xlarge*trt*42_resources.png"
    files.stats_history.touch()
    assert find_runs(tmp_path) == [files]


def test_names_without_stars_where_a_spec_asks_for_them(tmp_path: Path) -> None:
    plain = RunFiles(tmp_path, "local_gpu-2cpu", "onnx-fp16", 9, "plain")
    assert plain.samples.name == "local_gpu-2cpu__onnx-fp16__9_samples.parquet"
    both = [replace(plain, targets=3), replace(plain, targets=4, layout="stars")]
    for files in both:
        files.stats_history.touch()
    assert find_runs(tmp_path) == both


def test_other_files_are_no_runs(tmp_path: Path) -> None:
    for name in (
        "summary_results.csv",
        "ml.g5.xlarge*pt_stats_history.csv",
        "a*pt*x_stats_history.csv",
        "chart2.png",
    ):
        (tmp_path / name).touch()
    assert find_runs(tmp_path) == []


def test_an_earlier_run_is_set_aside_and_others_stay(tmp_path: Path) -> None:
    files, other = RunFiles(tmp_path, "local", "pt", 4), RunFiles(tmp_path, "local", "pt", 40)
    for path in (files.stats_history, files.samples, other.stats_history):
        path.write_text("kept")
    aside = files.set_aside()
    assert aside is not None
    assert sorted(path.name for path in aside.iterdir()) == [files.samples.name, files.stats_history.name]
    assert find_runs(tmp_path) == [other]
    assert files.set_aside() is None
