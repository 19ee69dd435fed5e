from pathlib import Path

import pytest

from mmebench.benchmark.experiments.cold_starts.figures import ColdStart, write_cold_starts
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
