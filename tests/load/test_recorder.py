from pathlib import Path

import pyarrow as pa

from mmebench.load.recorder import Recorder
from mmebench.results.samples import SCHEMA, keep_samples, read_samples

MS = 1_000_000


def add(
    recorder: Recorder, start_ms: int, end_ms: int, target: int, error: str | None = None, cold: int = -1
) -> None:
    """One sample whose times count from the start of the recorder."""
    start, end = recorder.origin_ns + start_ms * MS, recorder.origin_ns + end_ms * MS
    first_byte = 0 if error == "ReadTimeout" else end - MS
    recorder.add(start, start, first_byte, end, 100, 20, target, error, 0 if error else 200, cold)


def test_samples_come_back_as_they_were_added(tmp_path: Path) -> None:
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    with Recorder(stream, ("a", "b")) as recorder:
        add(recorder, 1, 5, 0, cold=0)
        assert len(recorder.flush()) == 1
        add(recorder, 2, 6, 1, "ModelError")
        add(recorder, 3, 7, 0, "ReadTimeout", cold=1)
    assert keep_samples(stream, parquet) == 3
    assert not stream.exists()
    samples = read_samples(parquet)
    assert samples.schema == SCHEMA
    assert samples["target"].to_pylist() == ["a", "b", "a"]
    assert samples["error"].to_pylist() == [None, "ModelError", "ReadTimeout"]
    assert samples["start_ns"].to_pylist() == [1 * MS, 2 * MS, 3 * MS]
    assert samples["end_ns"].to_pylist() == [5 * MS, 6 * MS, 7 * MS]
    assert samples["first_byte_ns"].to_pylist() == [4 * MS, 5 * MS, None]
    assert samples["cold"].to_pylist() == [False, None, True]
    assert samples["request_bytes"].to_pylist() == [100] * 3


def test_more_samples_between_two_flushes_than_the_buffer_was_made_for(tmp_path: Path) -> None:
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    with Recorder(stream, ("a",)) as recorder:
        for number in range(20_000):
            add(recorder, number, number + 1, 0)
    assert keep_samples(stream, parquet) == 20_000
    assert read_samples(parquet)["start_ns"].to_pylist() == [number * MS for number in range(20_000)]


def test_what_was_flushed_outlives_a_killed_writer(tmp_path: Path) -> None:
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    recorder = Recorder(stream, ("a",))
    for number in range(10):
        add(recorder, number, number + 1, 0, f"error {number}")
        recorder.flush()
    whole = stream.read_bytes()
    recorder.close()
    for cut in range(0, 3000, 7):
        stream.write_bytes(whole[: len(whole) - cut])
        kept = keep_samples(stream, parquet)
        assert read_samples(parquet)["error"].to_pylist() == [f"error {number}" for number in range(kept)]
    assert kept < 9, "the cuts went through several batches"
    stream.write_bytes(whole)
    assert keep_samples(stream, parquet) == 10


def test_a_stream_that_never_began(tmp_path: Path) -> None:
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    stream.write_bytes(b"")
    assert keep_samples(stream, parquet) == 0
    assert read_samples(parquet).equals(pa.Table.from_batches([], SCHEMA))
