"""The archive store."""

import os
import shutil
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mmebench.errors import DiskFullError
from mmebench.formats import triton_config
from mmebench.formats.archive import ArchiveError
from mmebench.server.containers.model_files import ConfigError, unpack_model
from mmebench.server.memory import store as store_module
from mmebench.server.memory.folder import ArchiveFolder
from mmebench.server.memory.store import ArchiveStore
from mmebench.wire.target_names import TargetError, archive_path
from support.tiny_models import python_archive


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


unpack = partial(unpack_model, gpus=False)


@pytest.fixture
def store(root: Path, tmp_path: Path) -> ArchiveStore:
    return ArchiveStore(ArchiveFolder(root), tmp_path / "unpacked", unpack)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return python_archive(tmp_path / "made.tar.gz", "print('hello')")


def unpacked(root: Path) -> list[Path]:
    return list((root.parent / "unpacked").iterdir())


def test_copies_and_links_share_one_unpacked_model(
    root: Path, store: ArchiveStore, archive: Path, tmp_path: Path
) -> None:
    os.link(archive, root / "link.tar.gz")
    (root / "team").mkdir()
    (root / "team" / "copy.tar.gz").write_bytes(archive.read_bytes())
    first = store.materialise("link.tar.gz", tmp_path / "a").content
    second = store.materialise("team/copy.tar.gz", tmp_path / "b").content
    assert first == second
    assert len(unpacked(root)) == 1
    assert (tmp_path / "a/1/model.py").samefile(tmp_path / "b/1/model.py")
    assert (tmp_path / "b/1/model.py").read_text() == "print('hello')"
    assert first.size >= len("print('hello')")


def test_the_configuration_fits_this_machine_and_any_name(
    root: Path,
    store: ArchiveStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = """
    name: "resnet" backend: "python" instance_group { kind: KIND_GPU gpus: 0 }
    output { name: "y" data_type: TYPE_FP32 dims: 1 }
    """
    python_archive(root / "a.tar.gz", "", config)
    store.materialise("a.tar.gz", tmp_path / "a")
    found = triton_config.parse((tmp_path / "a/config.pbtxt").read_text(), "")
    assert found.name == ""
    assert "KIND_CPU" in str(found.instance_group)
    assert "no GPU" in caplog.text


def test_an_archive_that_came_later_is_found(
    root: Path, store: ArchiveStore, archive: Path, tmp_path: Path
) -> None:
    with pytest.raises(TargetError):
        store.find("late.tar.gz")
    os.link(archive, root / "late.tar.gz")
    store.find("late.tar.gz")


def test_another_archive_under_the_same_name(
    root: Path, store: ArchiveStore, archive: Path, tmp_path: Path
) -> None:
    os.link(archive, root / "a.tar.gz")
    old = store.materialise("a.tar.gz", tmp_path / "a").content
    new_archive = python_archive(tmp_path / "new.tar.gz", "print('new')")
    new_archive.replace(root / "a.tar.gz")
    new = store.materialise("a.tar.gz", tmp_path / "a").content
    assert new.digest != old.digest
    assert (tmp_path / "a/1/model.py").read_text() == "print('new')"


def test_an_archive_that_is_being_written(
    root: Path, store: ArchiveStore, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / "a.tar.gz"
    path.write_bytes(archive.read_bytes()[:100])

    def digest_while_it_grows(file: Path) -> str:
        path.write_bytes(archive.read_bytes())
        return "0" * 64

    with monkeypatch.context() as patched:
        patched.setattr(store_module, "_digest", digest_while_it_grows)
        with pytest.raises(TargetError, match="is being written"):
            store.materialise("a.tar.gz", tmp_path / "a")
    store.materialise("a.tar.gz", tmp_path / "a")


def test_an_archive_that_is_replaced_before_it_is_read_is_not_taken_for_the_old_one(
    root: Path, store: ArchiveStore, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is replaced by is unpacked already; another link leads to the old one."""
    for name in ("a.tar.gz", "old.tar.gz"):
        os.link(archive, root / name)
    python_archive(root / "new.tar.gz", "print('new')")
    store.materialise("new.tar.gz", tmp_path / "new")

    def open_replaced(folder: ArchiveFolder, target: str, *others: Any) -> Any:
        (root / "new.tar.gz").rename(root / target)
        return open_archive(folder, target, *others)

    open_archive = ArchiveFolder.open
    with monkeypatch.context() as patched:
        patched.setattr(ArchiveFolder, "open", open_replaced)
        with pytest.raises(TargetError, match="ask again"):
            store.materialise("a.tar.gz", tmp_path / "a")
    store.materialise("a.tar.gz", tmp_path / "a")
    store.materialise("old.tar.gz", tmp_path / "old")
    assert (tmp_path / "a/1/model.py").read_text() == "print('new')"
    assert (tmp_path / "old/1/model.py").read_text() == "print('hello')"


def test_a_damaged_archive_leaves_nothing(root: Path, store: ArchiveStore, tmp_path: Path) -> None:
    (root / "a.tar.gz").write_bytes(b"no")
    with pytest.raises(ArchiveError):
        store.materialise("a.tar.gz", tmp_path / "a")
    assert unpacked(root) == []


@pytest.mark.parametrize("config", ["not a config {", 'backend: "magic" output { name: "y" }', "\udcff"])
def test_a_bad_configuration_leaves_nothing(root: Path, store: ArchiveStore, tmp_path: Path, config: str) -> None:
    folder = tmp_path / "folder"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.py").touch()
    (folder / "config.pbtxt").write_bytes(config.encode("utf-8", "surrogateescape"))
    from mmebench.formats.archive import pack

    pack(folder, root / "a.tar.gz")
    with pytest.raises(ConfigError, match=r"a.tar.gz: config.pbtxt"):
        store.materialise("a.tar.gz", tmp_path / "a")
    assert unpacked(root) == []


def test_many_threads_unpack_once(root: Path, store: ArchiveStore, archive: Path, tmp_path: Path) -> None:
    for number in range(8):
        os.link(archive, root / f"{number}.tar.gz")
    errors: list[BaseException] = []

    def materialise(number: int) -> None:
        try:
            store.materialise(f"{number}.tar.gz", tmp_path / str(number))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=materialise, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(unpacked(root)) == 1


@pytest.mark.parametrize(
    "target", ["a.tar.gz", "team/a.tar.gz", "..a.tar.gz", "a b/ü.tar.gz", "x" * 1017 + ".tar.gz"]
)
def test_names_that_a_store_can_hold(target: str) -> None:
    assert archive_path(Path("/store"), target) == Path("/store") / target


@pytest.mark.parametrize(
    "target",
    [
        "", ".", "..", "/a.tar.gz", "../a.tar.gz", "a/../b.tar.gz", "./a.tar.gz", "a//b.tar.gz", "a.tar.gz/",
        "a\0.tar.gz", "a\n.tar.gz", "a.zip", "x" * 1018 + ".tar.gz", "a/..",
    ],
)  # fmt: skip
def test_names_that_no_store_can_hold(target: str) -> None:
    with pytest.raises(TargetError):
        archive_path(Path("/store"), target)


def test_a_name_longer_than_the_file_system_takes(root: Path, store: ArchiveStore) -> None:
    with pytest.raises(TargetError):
        store.find("x" * 1000 + ".tar.gz")


# --- what is replaced, and what is gone


def test_a_replaced_archive_leaves_nothing_once_no_model_uses_it(
    root: Path, store: ArchiveStore, tmp_path: Path
) -> None:
    old = store.materialise(python_archive(root / "a.tar.gz", "print('old')").name, tmp_path / "old").content
    python_archive(tmp_path / "new.tar.gz", "print('new')").replace(root / "a.tar.gz")
    new = store.materialise("a.tar.gz", tmp_path / "new").content
    assert {path.name for path in unpacked(root)} == {old.digest, new.digest}, "a model uses it"
    shutil.rmtree(tmp_path / "old")
    other = store.materialise(python_archive(root / "b.tar.gz", "print('b')").name, tmp_path / "b").content
    assert {path.name for path in unpacked(root)} == {new.digest, other.digest}


def test_another_link_to_what_was_replaced_keeps_it(root: Path, store: ArchiveStore, tmp_path: Path) -> None:
    python_archive(root / "a.tar.gz", "print('old')")
    os.link(root / "a.tar.gz", root / "link.tar.gz")
    old = store.materialise("a.tar.gz", tmp_path / "old").content
    store.materialise("link.tar.gz", tmp_path / "old")
    shutil.rmtree(tmp_path / "old")
    python_archive(tmp_path / "new.tar.gz", "print('new')").replace(root / "a.tar.gz")
    new = store.materialise("a.tar.gz", tmp_path / "new").content
    assert {path.name for path in unpacked(root)} == {old.digest, new.digest}


def entries(store: ArchiveStore) -> int:
    """What the store remembers, in all of its books."""
    books = [value for value in vars(store).values() if hasattr(value, "__len__") and not isinstance(value, Path)]
    return sum(map(len, books))


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced under one name", "new names that go again"])
def test_churn_grows_nothing(replaced: bool, root: Path, store: ArchiveStore, tmp_path: Path) -> None:
    """Of 20 minutes of it, 927 folders were left."""
    python_archive(root / "stays.tar.gz", "print('stays')")
    store.materialise("stays.tar.gz", tmp_path / "stays")
    seen = []
    for number in range(60):
        name = "a.tar.gz" if replaced else f"{number}.tar.gz"
        python_archive(tmp_path / f"made{number}.tar.gz", f"print({number})").replace(root / name)
        store.materialise(name, tmp_path / "model")
        shutil.rmtree(tmp_path / "model")
        if not replaced:
            (root / name).unlink()
        seen.append((len(unpacked(root)), entries(store)))
    assert max(seen[30:]) <= max(seen[:30])
    assert max(folders for folders, _ in seen) <= 4
    store.materialise("stays.tar.gz", tmp_path / "again")


# --- the budget of disk space


def heavy(path: Path, number: int) -> Path:
    """100 KB that differ from archive to archive."""
    return python_archive(path, f"# {number}" + "x" * 100_000)


def test_what_no_model_uses_makes_room_least_recently_used_first(root: Path, tmp_path: Path) -> None:
    store = ArchiveStore(ArchiveFolder(root), tmp_path / "unpacked", unpack, budget=250_000)
    for number in range(3):
        heavy(root / f"{number}.tar.gz", number)
    models = [tmp_path / f"model{number}" for number in range(3)]
    first = store.materialise("0.tar.gz", models[0]).content
    second = store.materialise("1.tar.gz", models[1]).content
    store.materialise("0.tar.gz", models[0])
    for model in models[:2]:
        shutil.rmtree(model)
    third = store.materialise("2.tar.gz", models[2]).content
    assert {path.name for path in unpacked(root)} == {first.digest, third.digest}
    assert store.materialise("1.tar.gz", models[1]).content == second
    assert "# 1" in (models[1] / "1/model.py").read_text()


def test_what_models_use_stays_and_the_next_is_told_so(root: Path, tmp_path: Path) -> None:
    store = ArchiveStore(ArchiveFolder(root), tmp_path / "unpacked", unpack, budget=250_000)
    for number in range(3):
        heavy(root / f"{number}.tar.gz", number)
    for number in range(2):
        store.materialise(f"{number}.tar.gz", tmp_path / f"model{number}")
    with pytest.raises(DiskFullError, match="give the endpoint more disk"):
        store.materialise("2.tar.gz", tmp_path / "model2")
    assert len(unpacked(root)) == 2
    shutil.rmtree(tmp_path / "model1")
    store.materialise("2.tar.gz", tmp_path / "model2")
    assert (tmp_path / "model0/1/model.py").read_text().startswith("# 0")


def test_a_discarded_content_is_unpacked_again_and_takes_no_file_from_a_model(
    root: Path, store: ArchiveStore, archive: Path, tmp_path: Path
) -> None:
    os.link(archive, root / "a.tar.gz")
    content = store.materialise("a.tar.gz", tmp_path / "a").content
    store.discard(content.digest)
    assert unpacked(root) == []
    assert (tmp_path / "a/1/model.py").read_text() == "print('hello')"
    assert store.materialise("a.tar.gz", tmp_path / "b").content == content
