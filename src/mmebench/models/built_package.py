"""The package of what somebody else builds from an export: by whom, from what, and where it is kept."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from mmebench.endpoints.endpoint import CleanUpError
from mmebench.endpoints.engine_builder import Builder
from mmebench.errors import MmebenchError, disk_errors
from mmebench.formats.archive import pack, unpack
from mmebench.models.config import make_config
from mmebench.models.package import Package, read_package
from mmebench.scratch import scratch
from mmebench.spec import PlatformSpec

_LIMIT = 64 * 1024**3

Progress = Callable[[str], None]


class Recipe(Protocol):
    """What is built, and how it is judged."""

    builder: Builder
    options: tuple[str, ...]
    """What the builder is told."""
    what: str
    """``engine``, in words."""
    program: str
    """What builds it: ``trtexec``."""
    file: str
    """What is served, as the builder calls it and Triton looks for it."""
    log: str
    """What the builder calls what its program said."""

    def judge(self, built: Path, log: str, progress: Progress) -> dict[str, Any]:
        """What the package says of what is in ``built``: its fields, of which ``details`` are added to.

        Args:
            built: the folder that the builder has filled.
            log: where the log is kept, for a message.
            progress: told what came of it.

        Raises:
            MmebenchError: it is not what was asked for.
        """

    def config(self, text: str) -> str:
        """The text of its config.pbtxt, from that of its platform."""


def package_built(
    exported: Package,
    platform: PlatformSpec,
    sequence_length: int,
    recipe: Recipe,
    directory: Path,
    progress: Progress,
) -> Package:
    """Have it built and packaged, or find it in ``directory`` from an earlier start.

    The archive is ``<model>-<platform>-<digest>.tar.gz``, as one for another GPU may stand beside it; ``.log`` is
    what the builder's program said.

    Args:
        exported: the package that it is built from.
        platform: what it is served as.
        sequence_length: tokens of the longest text.
        recipe: how, and by whom.
        directory: for archive, record and log.
        progress: told what is done now.

    Raises:
        MmebenchError: it could not be built, or cannot be written.
        CleanUpError: it is kept, and something that was made to build it is still there.
    """
    builder, options = recipe.builder, recipe.options
    asked = [exported.sha256, builder.made_with, *options, platform.model_dump(mode="json"), sequence_length]
    made_from = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    name = f"{exported.model}-{platform.label}-{made_from[:12]}"
    record = directory / f"{name}.json"
    if record.exists() and (directory / f"{name}.tar.gz").exists():
        progress(f"{name}.tar.gz is there from an earlier start")
        return read_package(record)
    left_behind: CleanUpError | None = None
    with disk_errors(directory), scratch(directory, ".engine-") as work:
        model = unpack(exported.archive, work / "exported", _LIMIT) / "1"
        folder = work / exported.model
        (folder / "1").mkdir(parents=True)
        built = work / "built"
        built.mkdir()
        try:
            builder.build(model, options, built, progress)
        except CleanUpError as error:
            left_behind = error  # what was paid for is there
        if not (built / recipe.file).is_file():
            raise MmebenchError(
                f"{exported.model}: {recipe.program} ended without an error and left no {recipe.what}"
            )
        if (built / recipe.log).is_file():
            shutil.copyfile(built / recipe.log, directory / f"{name}.log")
        try:
            said = recipe.judge(built, f"{name}.log", progress)
        except MmebenchError as error:
            raise MmebenchError(f"{exported.model}: {error}") from None
        shutil.copyfile(built / recipe.file, folder / "1" / recipe.file)
        config = make_config(platform, exported.task, exported.inputs, exported.outputs)
        (folder / "config.pbtxt").write_text(recipe.config(config), encoding="utf-8")
        common = {"built_with": builder.made_with, recipe.program: list(options)}
        size = {"model_bytes": (built / recipe.file).stat().st_size}
        package = exported.model_copy(
            update={
                **said,
                "platform": platform.kind,
                "precision": platform.precision,
                "archive": Path(f"{name}.tar.gz"),
                "sha256": pack(folder, work / "built.tar.gz"),
                "details": common | said["details"] | size,
            }
        )
        (work / "built.tar.gz").replace(directory / f"{name}.tar.gz")
        (work / "record.json").write_text(package.model_dump_json(indent=1), encoding="utf-8")
        (work / "record.json").replace(record)
    if left_behind is not None:
        raise left_behind
    return package.model_copy(update={"archive": directory / f"{name}.tar.gz"})
