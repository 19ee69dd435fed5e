from pathlib import Path

import pyarrow as pa

from mmebench.load.recorder import Recorder
from mmebench.results.samples import SCHEMA, keep_samples, read_samples


def test_samples_come_back_as_they_were_added(tmp_path: Path) -> None:
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    with Recorder(stream) as recorder:
        recorder.add(1, 5, "a", 200, None, False, 10, 20)
        assert len(recorder.flush()) == 1
        recorder.add(2, 6, "b", 424, "ModelError", None, 10, 30, intended_ns=1)
        recorder.add(3, 7, "a", 0, "ReadTimeout", True, 10, 0)
    assert keep_samples(stream, parquet) == 3
    assert not stream.exists()
    samples = read_samples(parquet)
    assert samples.schema == SCHEMA
    assert samples["target"].to_pylist() == ["a", "b", "a"]
    assert samples["error"].to_pylist() == [None, "ModelError", "ReadTimeout"]
    assert samples["intended_ns"].to_pylist() == [1, 1, 3]
    assert samples["cold"].to_pylist() == [False, None, True]


def test_times_count_from_the_start_of_the_recorder(tmp_path: Path) -> None:
    ticks = iter([1000, 1500])
    recorder = Recorder(tmp_path / "s.arrows", clock=lambda: next(ticks))
    assert recorder.now() == 500
    recorder.close()


def test_what_was_flushed_outlives_a_killed_writer(tmp_path: Path) -> None:
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    recorder = Recorder(stream)
    for number in range(10):
        recorder.add(number, number + 1, f"target-{number}", 200, None, False, 1, 1)
        recorder.flush()
    whole = stream.read_bytes()
    recorder.close()
    for cut in range(0, 1500, 7):
        stream.write_bytes(whole[: len(whole) - cut])
        kept = keep_samples(stream, parquet)
        assert read_samples(parquet)["target"].to_pylist() == [f"target-{number}" for number in range(kept)]
    stream.write_bytes(whole)
    assert keep_samples(stream, parquet) == 10


def test_a_stream_that_never_began(tmp_path: Path) -> None:
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    stream.write_bytes(b"")
    assert keep_samples(stream, parquet) == 0
    assert read_samples(parquet).equals(pa.Table.from_batches([], SCHEMA))
