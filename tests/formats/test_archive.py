"""Archives: the same bytes each time, and nothing that an archive says is trusted."""

import errno
import gzip
import io
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmebench.errors import MmebenchError
from mmebench.formats.archive import ArchiveError, pack, unpack

pytestmark = pytest.mark.slow

LIMIT = 10 * 1024 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder as Triton wants it."""
    folder = tmp_path / "resnet"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text("max_batch_size: 8\n")
    (folder / "1" / "model.pt").write_bytes(bytes(range(256)) * 1000)
    return folder


def entry(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    """One entry of a hand-made tar."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(data), link
    return info, data


def write(archive: Path, entries: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return archive


MODEL = [entry("m/config.pbtxt", b"x"), entry("m/1/model.pt", b"weights")]


def test_what_is_packed_comes_back(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "model.tar.gz")
    model = unpack(tmp_path / "model.tar.gz", tmp_path / "out", LIMIT)
    assert model == tmp_path / "out" / "resnet"
    assert (model / "config.pbtxt").read_bytes() == (folder / "config.pbtxt").read_bytes()
    assert (model / "1" / "model.pt").read_bytes() == (folder / "1" / "model.pt").read_bytes()


def test_same_files_same_bytes(folder: Path, tmp_path: Path) -> None:
    first = pack(folder, tmp_path / "a.tar.gz")
    os.utime(folder / "1" / "model.pt", (1, 1))
    (folder / "config.pbtxt").chmod(0o600)
    again = pack(folder, tmp_path / "other-name.tar.gz")
    assert first == again
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "other-name.tar.gz").read_bytes()


def test_digest_is_of_the_file(folder: Path, tmp_path: Path) -> None:
    import hashlib

    digest = pack(folder, tmp_path / "a.tar.gz")
    assert digest == hashlib.sha256((tmp_path / "a.tar.gz").read_bytes()).hexdigest()


def test_one_top_directory_without_owner_or_time(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        entries = tar.getmembers()
    assert [info.name for info in entries] == ["resnet", "resnet/1", "resnet/1/model.pt", "resnet/config.pbtxt"]
    assert {(info.mtime, info.uid, info.gid, info.uname, info.gname) for info in entries} == {(0, 0, 0, "", "")}


def test_no_link_goes_in(folder: Path, tmp_path: Path) -> None:
    (folder / "1" / "link").symlink_to("model.pt")
    with pytest.raises(ArchiveError, match="links and devices do not"):
        pack(folder, tmp_path / "a.tar.gz")
    assert not list(tmp_path.glob("a.tar.gz*"))


def test_full_disk_says_so(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mmebench.formats.archive._add", full)
    with pytest.raises(MmebenchError, match="disk is full"):
        pack(folder, tmp_path / "a.tar.gz")
    assert not list(tmp_path.glob("a.tar.gz*"))


def test_config_at_the_root_is_fine(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.tar.gz", [entry("./config.pbtxt", b"x"), entry("./1/model.pt", b"w")])
    assert unpack(archive, tmp_path / "out", LIMIT) == tmp_path / "out"


def test_files_beside_the_folder_are_ignored(tmp_path: Path) -> None:
    junk = [entry(name, b"z") for name in ("._m", ".DS_Store", "README.md", "m/._config.pbtxt")]
    archive = write(tmp_path / "a.tar.gz", [*junk, *MODEL])
    assert unpack(archive, tmp_path / "out", LIMIT) == tmp_path / "out" / "m"


@pytest.mark.parametrize(
    "config",
    [
        b'platform: "ensemble"',
        b"\xef\xbb\xbfname: 'e' platform:'ensemble'",
        b'max_batch_size: 1 platform :  "ensemble"',
    ],
)
def test_of_several_folders_the_ensemble_is_the_model(config: bytes, tmp_path: Path) -> None:
    """Its members may leave to their models what is in these."""
    member = [entry("m/config.pbtxt", b'# platform: "ensemble"'), entry("m/1/model.onnx", b"w")]
    both = [entry("both/config.pbtxt", config), entry("both/1", kind=tarfile.DIRTYPE), *member]
    archive = write(tmp_path / "a.tar.gz", both)
    assert unpack(archive, tmp_path / "out", LIMIT) == tmp_path / "out" / "both"
    archive = write(tmp_path / "b.tar.gz", [*member, entry("n/1/model.onnx")])
    with pytest.raises(ArchiveError, match="at its top is m, n"):
        unpack(archive, tmp_path / "other", LIMIT)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([*MODEL, entry("../evil", b"x")], "points out"),
        ([*MODEL, entry("m/../../evil", b"x")], "points out"),
        ([*MODEL, entry("/etc/evil", b"x")], "points out"),
        ([*MODEL, entry("m/1/link", kind=tarfile.SYMTYPE, link="/etc/passwd")], "link or a device"),
        ([*MODEL, entry("m/1/link", kind=tarfile.LNKTYPE, link="m/config.pbtxt")], "link or a device"),
        ([*MODEL, entry("m/1/pipe", kind=tarfile.FIFOTYPE)], "link or a device"),
        ([*MODEL, entry("m/1/device", kind=tarfile.CHRTYPE)], "link or a device"),
        ([*MODEL, entry("m/config.pbtxt", b"y")], "same path"),
        ([*MODEL, entry("m/config.pbtxt/below", b"y")], "same path"),
        ([*MODEL, entry("m/1/" + "n" * 300, b"y")], "longer than the file system takes"),
        ([*MODEL, entry("m/" + "n" * 300 + "/model.pt", b"y")], "longer than the file system takes"),
        ([*MODEL, entry("é" * 128, b"y")], "longer than the file system takes"),
        ([*MODEL, entry("m/" * 40 + "f", b"y")], "more than 32 folders deep"),
        ([*MODEL, entry("m/" * 1700, kind=tarfile.DIRTYPE)], "more than 32 folders deep"),
        ([*MODEL, entry("n/config.pbtxt", b"y")], r"m/config\.pbtxt:1:1: "),
        ([entry("m/1/model.pt"), entry("n/1/model.pt")], "at its top is m, n"),
        ([entry("m/1/model.pt", b"w")], "at its top is m"),
        ([entry("m/config.pbtxt", b"x")], "no version folder"),
        ([entry("m/config.pbtxt", b"x"), entry("m/latest/model.pt", b"w")], "no version folder"),
        ([], "at its top is nothing"),
    ],
)
def test_bad_archives_are_refused_whole(
    entries: list[tuple[tarfile.TarInfo, bytes]], message: str, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    archive = write(tmp_path / "a.tar.gz", entries)
    with pytest.raises(ArchiveError, match=message):
        unpack(archive, place / "out", LIMIT)
    assert list(place.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "place"]


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    return data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]


def not_gzip(_: bytes) -> bytes:
    return b"hello, I am a model"


def gzip_of_something(_: bytes) -> bytes:
    return gzip.compress(b"hello, I am a model" * 1000)


@pytest.mark.parametrize("damage", [truncated, flipped, not_gzip, gzip_of_something])
def test_damage_is_found(damage: Callable[[bytes], bytes], folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    pack(folder, archive)
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(ArchiveError, match="damaged, or not a gzipped tar"):
        unpack(archive, tmp_path / "out", LIMIT)
    assert not (tmp_path / "out").exists()


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.tar.gz", [*MODEL, entry("m/1/zeros", bytes(LIMIT))])
    with pytest.raises(ArchiveError, match="more than the limit of"):
        unpack(archive, tmp_path / "out", LIMIT)


def deep(number: int) -> str:
    """The path of a folder that shares no parent with those of other numbers."""
    return "/".join([f"m/1/{number}", *"abcdefghijklmnopqrstuvwxyz"])


@pytest.mark.parametrize(
    "names",
    [
        [f"m/1/{number}" for number in range(10_000)],
        [deep(number) for number in range(400)],
        ["m/1/again"] * 10_000,
    ],
    ids=["folders", "folders of which only the last is an entry", "one folder again and again"],
)
def test_folders_count(names: list[str], tmp_path: Path) -> None:
    """An archive of 10 kB made 200,505 folders, 783 MiB of them."""
    folders = [entry(name, kind=tarfile.DIRTYPE) for name in names]
    archive = write(tmp_path / "a.tar.gz", [*MODEL, *folders])
    with pytest.raises(ArchiveError, match="more than 10000 files and folders"):
        unpack(archive, tmp_path / "out", 2**30)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz"]
    few = write(tmp_path / "b.tar.gz", [*MODEL, *folders[:300]])
    unpack(few, tmp_path / "few", 2**30)


def test_the_limit_itself_is_allowed(folder: Path, tmp_path: Path) -> None:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    pack(folder, tmp_path / "a.tar.gz")
    unpack(tmp_path / "a.tar.gz", tmp_path / "out", size)
    with pytest.raises(ArchiveError, match="more than the limit"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "over", size - 1)


def test_a_header_bomb_is_refused(tmp_path: Path) -> None:
    info, data = entry("m/config.pbtxt", b"x")
    info.pax_headers = {"comment": "a" * 4 * 1024 * 1024}
    archive = write(tmp_path / "a.tar.gz", [(info, data)])
    with pytest.raises(ArchiveError, match="tar header of more than"):
        unpack(archive, tmp_path / "out", 100 * LIMIT)


@pytest.mark.parametrize("name", ["GNU.sparse.map", "GNU.sparse.size"])
def test_a_header_that_is_no_number_is_damage(name: str, tmp_path: Path) -> None:
    info, data = entry("m/config.pbtxt", b"x")
    info.pax_headers = {"GNU.sparse.size": "5", name: "abc"}
    archive = write(tmp_path / "a.tar.gz", [(info, data)])
    with pytest.raises(ArchiveError, match="damaged, or not a gzipped tar"):
        unpack(archive, tmp_path / "out", LIMIT)


def test_many_empty_files_are_refused(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.tar.gz", (entry(f"m/1/{number}") for number in range(10_001)))
    with pytest.raises(ArchiveError, match="more than 10000 files"):
        unpack(archive, tmp_path / "out", LIMIT)


def test_what_is_there_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "a.tar.gz")
    with pytest.raises(MmebenchError, match="already there"):
        unpack(tmp_path / "a.tar.gz", folder, LIMIT)
    assert (folder / "config.pbtxt").is_file()


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(MmebenchError, match=r"nothing\.tar\.gz: No such file"):
        unpack(tmp_path / "nothing.tar.gz", tmp_path / "out", LIMIT)


parts = st.sampled_from(["..", ".", "", "a", "b", "1", "config.pbtxt", "ü", " ", "..."])
names = st.lists(parts, min_size=1, max_size=5).map("/".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(names, max_size=4))
def test_no_name_leads_out(tmp_path_factory: pytest.TempPathFactory, entries: list[str]) -> None:
    place = tmp_path_factory.mktemp("place")
    archive = write(place / "a.tar.gz", [*MODEL, *(entry(name, b"evil") for name in entries)])
    try:
        unpack(archive, place / "out", LIMIT)
    except ArchiveError:
        assert not (place / "out").exists()
    else:
        assert not any(".." in PurePosixPath(name).parts or name.startswith("/") for name in entries)
    assert {path.name for path in place.iterdir()} <= {"a.tar.gz", "out"}


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.text("abcüß-_. ", min_size=1, max_size=120).filter(lambda n: n.strip(". ")), st.binary())
)
def test_any_files_come_back(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    place = tmp_path_factory.mktemp("place")
    (place / "m" / "1").mkdir(parents=True)
    (place / "m" / "config.pbtxt").touch()
    for name, data in files.items():
        (place / "m" / "1" / name).write_bytes(data)
    pack(place / "m", place / "a.tar.gz")
    model = unpack(place / "a.tar.gz", place / "out", LIMIT)
    assert {path.name: path.read_bytes() for path in (model / "1").iterdir()} == files
