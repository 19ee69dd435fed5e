from pathlib import Path

import pyarrow as pa

from mmebench.load.client.recorder import Recorder
from mmebench.load.processes.sample_stream import SampleStream
from mmebench.record.samples import SCHEMA, keep_samples, read_samples

MS = 1_000_000
ORIGIN = 5_000_000_000


def add(
    recorder: Recorder, start_ms: int, end_ms: int, key: int, error: str | None = None, cold: int = -1
) -> None:
    """One sample whose times count from the start of the stream."""
    start, end = ORIGIN + start_ms * MS, ORIGIN + end_ms * MS
    first_byte = 0 if error == "ReadTimeout" else end - MS
    recorder.add(0, start, first_byte, end, 20, key, error, 0 if error else 200, cold)


def open_stream(path: Path, bodies: tuple[int, ...] = (100,)) -> SampleStream:
    return SampleStream(path, ORIGIN, ("a", "b"), bodies)


def test_samples_come_back_as_they_were_added(tmp_path: Path) -> None:
    path, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    recorder, stream = Recorder(), open_stream(path)
    add(recorder, 1, 5, 0, cold=0)
    stream.write(recorder.take(), recorder.errors)
    add(recorder, 2, 6, 1, "ModelError")
    add(recorder, 3, 7, 0, "ReadTimeout", cold=1)
    recorder.add(ORIGIN + MS, ORIGIN + 3 * MS, ORIGIN + 4 * MS, ORIGIN + 8 * MS, 20, 1, None, 200, -1)
    stream.write(recorder.take(), recorder.errors)
    assert len(recorder.take()) == 0
    stream.close()
    assert keep_samples(path, parquet) == 4
    assert not path.exists()
    samples = read_samples(parquet)
    assert samples.schema == SCHEMA
    assert samples["target"].to_pylist() == ["a", "b", "a", "b"]
    assert samples["error"].to_pylist() == [None, "ModelError", "ReadTimeout", None]
    assert samples["intended_ns"].to_pylist() == [1 * MS, 2 * MS, 3 * MS, 1 * MS]
    assert samples["start_ns"].to_pylist() == [1 * MS, 2 * MS, 3 * MS, 3 * MS]
    assert samples["end_ns"].to_pylist() == [5 * MS, 6 * MS, 7 * MS, 8 * MS]
    assert samples["first_byte_ns"].to_pylist() == [4 * MS, 5 * MS, None, 4 * MS]
    assert samples["cold"].to_pylist() == [False, None, True, None]
    assert samples["request_bytes"].to_pylist() == [100] * 4


def test_a_key_says_target_and_body(tmp_path: Path) -> None:
    path, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    recorder, stream = Recorder(), open_stream(path, (10, 20, 30))
    for key in range(6):
        add(recorder, key, key + 1, key)
    stream.write(recorder.take(), recorder.errors)
    stream.close()
    keep_samples(path, parquet)
    samples = read_samples(parquet)
    assert samples["target"].to_pylist() == ["a", "a", "a", "b", "b", "b"]
    assert samples["request_bytes"].to_pylist() == [10, 20, 30, 10, 20, 30]


def test_batches_of_several_recorders_keep_their_errors_apart(tmp_path: Path) -> None:
    path, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    one, other, stream = Recorder(), Recorder(), open_stream(path)
    add(one, 1, 2, 0, "A")
    add(one, 1, 2, 0, "B")
    add(other, 1, 2, 0, "B")
    add(other, 1, 2, 0, "C")
    for recorder in (one, other, one):
        stream.write(recorder.take(), recorder.errors)
    add(one, 1, 2, 0, "C")
    stream.write(one.take(), one.errors)
    stream.close()
    keep_samples(path, parquet)
    assert read_samples(parquet)["error"].to_pylist() == ["A", "B", "B", "C", "C"]


def test_more_samples_between_two_batches_than_the_buffer_was_made_for(tmp_path: Path) -> None:
    recorder = Recorder()
    for number in range(20_000):
        add(recorder, number, number + 1, 0)
    rows = recorder.take()
    assert ((rows["start_ns"] - ORIGIN) // MS).tolist() == list(range(20_000))


def test_what_was_written_outlives_a_killed_writer(tmp_path: Path) -> None:
    path, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    recorder, stream = Recorder(), open_stream(path)
    for number in range(10):
        add(recorder, number, number + 1, 0, f"error {number}")
        stream.write(recorder.take(), recorder.errors)
    whole = path.read_bytes()
    stream.close()
    for cut in range(0, 3000, 7):
        path.write_bytes(whole[: len(whole) - cut])
        kept = keep_samples(path, parquet)
        assert read_samples(parquet)["error"].to_pylist() == [f"error {number}" for number in range(kept)]
    assert kept < 9, "the cuts went through several batches"
    path.write_bytes(whole)
    assert keep_samples(path, parquet) == 10


def test_a_stream_that_never_began(tmp_path: Path) -> None:
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    stream.write_bytes(b"")
    assert keep_samples(stream, parquet) == 0
    assert read_samples(parquet).equals(pa.Table.from_batches([], SCHEMA))
