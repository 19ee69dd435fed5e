"""Archives that are not what they should be, and places that are full."""

import os
import shutil

from mmebench.formats.archive import pack
from reliability.crowd import RIGHT, Target
from reliability.scene import Scene
from support.contract_server import ContractServer, offset_archive
from support.patience import wait_until
from support.serving import serving
from support.tiny_models import onnx_archive, weighty_archive

MIB = 2**20


def corrupt_archive(scene: Scene) -> float:
    target = Target("victim.tar.gz", 1)
    good = onnx_archive(scene.folder / "good.tar.gz", 1)
    content = bytearray(good.read_bytes())
    for position in (5, len(content) // 2, len(content) - 6):
        broken = bytearray(content)
        broken[position] ^= 0xFF
        (scene.folder / "broken.tar.gz").write_bytes(broken)
        scene.put(scene.folder / "broken.tar.gz", target.name)
        if position > 5:  # that byte is of the time, which nobody reads
            assert scene.ask(target) == "ValidationError"
    scene.put(good, target.name)
    return scene.heal(target)


def half_written_archive(scene: Scene) -> float:
    """It grows under its own name, as with a plain copy."""
    target = Target("victim.tar.gz", 1)
    content = onnx_archive(scene.folder / "good.tar.gz", 1).read_bytes()
    with (scene.store / target.name).open("wb", buffering=0) as file:
        for start in range(0, len(content), len(content) // 12):
            file.write(content[start : start + len(content) // 12])
            if file.tell() < len(content):
                assert scene.ask(target) == "ValidationError"
    return scene.heal(target)


def archive_replaced(scene: Scene) -> float:
    """The old answers until it was evicted; then the new ones."""
    old, new = Target("victim.tar.gz", 1), Target("victim.tar.gz", 2)
    scene.put(weighty_archive(scene.folder / "old.tar.gz", 1), old.name)
    assert scene.ask(old) == RIGHT
    scene.put(weighty_archive(scene.folder / "new.tar.gz", 2), old.name)
    assert scene.ask(old) == RIGHT, "what is in memory stays"
    stub = scene.stub(old)
    assert stub is not None
    for number in range(4):  # evict it
        other = Target(f"other{number}.tar.gz", 7)
        scene.put(weighty_archive(scene.folder / other.name, 7), other.name)
        assert scene.ask(other) == RIGHT
    wait_until(lambda: not stub.is_running())
    return scene.heal(new)


def hostile_archives(scene: Scene) -> float:
    """Entries that point out of the archive, links, and a gigabyte of zeros."""
    import tarfile

    target = Target("victim.tar.gz", 1)
    outside = scene.folder / "outside"
    entries = [tarfile.TarInfo(name) for name in (f"../../../../../../..{outside}", str(outside), "a/../../b")]
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        entry = tarfile.TarInfo("model/1/model.onnx")
        entry.type, entry.linkname = kind, "/etc/passwd"
        entries.append(entry)
    for entry in entries:
        with tarfile.open(scene.folder / "hostile.tar.gz", "w:gz") as tar:
            tar.addfile(entry)
        scene.put(scene.folder / "hostile.tar.gz", target.name)
        assert scene.ask(target) == "ValidationError"
    assert not outside.exists()
    bomb = scene.folder / "bomb"
    (bomb / "1").mkdir(parents=True)
    with (bomb / "1" / "model.onnx").open("wb") as file:
        file.truncate(1200 * MIB)
    pack(bomb, scene.folder / "bomb.tar.gz")
    shutil.rmtree(bomb)
    scene.put(scene.folder / "bomb.tar.gz", target.name)
    assert scene.ask(target) == "ValidationError"
    scene.put(onnx_archive(scene.folder / "good.tar.gz", 1), target.name)
    return scene.heal(target)


def _large(scene: Scene, number: int, megabytes: int) -> Target:
    """A target whose archive holds so many bytes that do not compress."""
    target = Target(f"large{number}.tar.gz", number)
    folder = scene.folder / f"large{number}"
    onnx_archive(scene.folder / f"small{number}.tar.gz", number)
    shutil.copytree(scene.folder / f"small{number}.tar.gz-folder" / "tiny", folder)
    (folder / "1" / "ballast").write_bytes(os.urandom(megabytes * MIB))
    pack(folder, scene.folder / target.name)
    scene.put(scene.folder / target.name, target.name)
    return target


def disk_full(scene: Scene) -> float:
    """Room for two or three unpacked archives of four; another fits into no disk of this size."""
    targets = [_large(scene, number, 10) for number in range(4)]
    for target in (*targets, targets[0]):
        assert scene.ask(target) == RIGHT, scene.tally.notes
    huge = _large(scene, 5, 40)
    outcomes = (scene.ask(huge) for _ in range(5))  # it is told to ask again after a minute, on a busy machine
    assert next(outcome for outcome in outcomes if outcome != "ModelNotReadyException") == "InternalFailure"
    assert "disk is full" in scene.tally.notes[-1]
    return scene.heal(targets[0])


def shared_memory_full(scene: Scene) -> float:
    """8 MiB hold the shared memory of eight models."""
    targets = [Target(f"t{number}.tar.gz", number) for number in range(10)]
    for target in targets:
        scene.put(onnx_archive(scene.folder / target.name, target.offset), target.name)
        assert scene.ask(target) == RIGHT, scene.tally.notes
    return scene.heal(targets[0])


def no_memory_for_ever(scene: Scene) -> float:
    """The container is asked by its URL, and says 507 to everything."""
    target = Target("victim.tar.gz", 1)
    with ContractServer() as container:
        store = scene.folder / "opaque"
        store.mkdir()
        for name, offset in (("victim.tar.gz", 1), ("other.tar.gz", 2)):
            offset_archive(scene.folder / f"opaque-{name}", offset).rename(store / name)
        options = ("--container", container.url, "--model-directory", str(scene.folder / "models"))
        with serving(store, scene.folder / "contract.log", *options) as served:
            inner = Scene(served, scene.folder, scene.environment)
            assert inner.ask(Target("other.tar.gz", 2)) == RIGHT
            container.busy = container.room = 0
            for _ in range(5):
                assert inner.ask(target) == "ModelError"
            container.busy = container.room = 100
            healed = inner.heal(target)
            inner.check_visible()
            scene.elsewhere = inner.tally
            return healed
