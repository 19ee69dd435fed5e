from pathlib import Path

import pytest

from mmebench.benchmark.experiments.cold_starts.figures import ColdStart, write_cold_starts
from mmebench.report.words.experiments import write_experiments
from support.samples import Sample, sample_table, write_run


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        ((2.0, 3.0, 9.0), "a cold start takes 3 s at the median and 9 s at most, 1 at once; warm 50 ms"),
        ((3.0,), "a cold start takes unknown at the median and 3 s at most, 1 at once; warm unknown"),
    ],
)
def test_what_cold_starts_show(tmp_path: Path, seconds: tuple[float, ...], sentence: str) -> None:
    files = write_run(tmp_path, sample_table([Sample(0, 5)]), ())
    cold_starts = [ColdStart("a", 1, each, 0.1, 0.2, 0.3, 0.1, each - 0.7, 0.05) for each in seconds]
    write_cold_starts(cold_starts, files.experiment("cold_starts").table)
    assert write_experiments(files, "a footer") == [f"pt: {sentence}"]
