from pathlib import Path

import pyarrow as pa
import pytest

from mmebench.record.samples import (
    SCHEMA,
    SampleFile,
    count_samples,
    keep_samples,
    read_samples,
    write_samples,
)
from support.samples import Sample, sample_table


def write_stream(path: Path, tables: list[pa.Table]) -> None:
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, SCHEMA, options=options) as writer:
        for table in tables:
            writer.write_table(table)


def test_a_stream_is_kept_whole_and_in_order(tmp_path: Path) -> None:
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    # The second error was not known when the first batch was written.
    tables = [
        sample_table([Sample(at, at + 1) for at in range(150_000)]),
        sample_table([Sample(150_000, 150_001, "A")]),
        sample_table([Sample(150_001, 150_002, "A"), Sample(150_002, 150_003, "B", first_byte=1, cold=True)]),
    ]
    write_stream(stream, tables)
    assert keep_samples(stream, parquet) == count_samples(parquet) == 150_003
    assert not stream.exists()
    kept = read_samples(parquet)
    assert kept.schema.equals(SCHEMA)
    assert kept.to_pylist() == pa.concat_tables(tables).to_pylist()


def test_a_stream_that_was_cut_off_gives_what_was_whole(tmp_path: Path) -> None:
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    write_stream(stream, [sample_table([Sample(at, at + 1)] * 100) for at in range(3)])
    whole = stream.read_bytes()
    for size, least, most in ((len(whole), 300, 300), (len(whole) * 3 // 4, 100, 299), (0, 0, 0), (10, 0, 0)):
        stream.write_bytes(whole[:size])
        assert least <= keep_samples(stream, parquet) <= most
        assert least <= read_samples(parquet).num_rows <= most


def test_what_was_under_way_is_read_and_little_else(tmp_path: Path) -> None:
    parquet = tmp_path / "s.parquet"
    tables = [[Sample(0, 9)], [Sample(0, 10)], [Sample(5, 30), Sample(12, 13)], [Sample(19, 40)], [Sample(20, 30)]]
    write_samples((sample_table(samples) for samples in tables), parquet)
    file = SampleFile(parquet, 10_000_000, 20_000_000)
    firsts, found = zip(*file.tables(["intended_ns", "end_ns"]), strict=True)
    assert firsts == (1, 2, 4)
    ends = [end for table in found for end in table["end_ns"].to_pylist()]
    assert ends == [10_000_000, 30_000_000, 13_000_000, 40_000_000]
    assert file.count == 4
    assert found[0].column_names == ["intended_ns", "end_ns"]
    assert not list(SampleFile(parquet, 50_000_000, 60_000_000).tables(["end_ns"]))


@pytest.mark.parametrize("lost", [8, 1000, 4096])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_stream_with_a_hole_gives_what_is_before_it(lost: int, share: float, tmp_path: Path) -> None:
    """As a disk leaves it that was full for a moment; to read on took the whole process down."""
    stream, parquet = tmp_path / "s.arrows", tmp_path / "s.parquet"
    samples = [Sample(at, at + 1, error=f"E{at % 7}" if at % 3 else None) for at in range(500)]
    write_stream(stream, [sample_table(samples[first : first + 100]) for first in range(0, 500, 100)])
    whole = stream.read_bytes()
    hole = int(share * len(whole))
    stream.write_bytes(whole[:hole] + whole[hole + lost :])
    count = keep_samples(stream, parquet)
    assert count in (0, 100, 200, 300, 400)
    assert count < 500 * share + 100
    kept = read_samples(parquet)
    kept.validate(full=True)
    assert kept.to_pylist() == sample_table(samples[:count]).to_pylist()
