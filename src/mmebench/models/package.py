"""A package: one model exported to one platform, as an archive that Triton loads, and the record of how."""

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from mmebench.errors import MmebenchError, disk_errors, make_folder
from mmebench.formats.archive import pack
from mmebench.formats.tensors import TensorSpec
from mmebench.models.config import make_config
from mmebench.models.device import describe_code
from mmebench.models.fingerprint import fingerprint, library_versions
from mmebench.models.model import Model, ModelFile
from mmebench.models.parity import LENGTHS, Parity, check_parity
from mmebench.models.platforms import find_exporter
from mmebench.models.ready_archive import adopt_archive
from mmebench.models.sources import load_model
from mmebench.scratch import scratch
from mmebench.spec import ModelSource, PlatformSpec, platform_label
from mmebench.units import human_bytes

Progress = Callable[[str], None]
"""Is told what happens now, in a few words."""


class Package(BaseModel):
    """What an archive holds; written beside it as JSON, so that later steps need neither torch nor the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    source: str
    task: Literal["cv", "nlp"]
    platform: str
    precision: str
    weights: str
    parameters: int | None
    inputs: tuple[TensorSpec, ...]
    """As requests name them. Shapes leave the batch out, unless ``max_batch_size`` is 0: then they are whole."""
    outputs: tuple[TensorSpec, ...]
    max_batch_size: int
    dynamic_batching: bool = True
    """Whether Triton joins requests that wait at the same time, up to ``max_batch_size``."""
    max_sequence_length: int | None = None
    """Most tokens in a row of text, where the model says."""
    archive: Path
    sha256: str
    parity: Parity | None
    """None for a file that is served as it was given."""
    details: dict[str, Any]
    """What else the export knows: opset, library versions, seconds it took."""


def package_model(
    model: ModelSource,
    platform: PlatformSpec,
    directory: Path,
    progress: Progress = lambda message: None,
    sequence_length: int = 128,
) -> Package:
    """Export ``model`` to ``platform`` as an archive in ``directory``, or find it there from an earlier start.

    The archive is ``<model>-<platform>.tar.gz`` (``-fp16`` after the platform where asked for), its record has
    the same name with ``.json``. What an earlier start made is used when the spec's parts, the files they name and
    the libraries are the same, and the archive is intact. A file of the user's own is tried with
    ``sequence_length`` for each -1 in its inputs' shapes.

    Raises:
        BadInputError: there is no such model, its weights cannot be had, or the platform cannot take it.
        MmebenchError: the export failed or computes something else, or it cannot be written.
    """
    made_from = fingerprint(model, platform, sequence_length)
    with disk_errors(directory):
        found = _find_package(directory, made_from)
        if found is not None:
            progress(f"{found.archive.name} is there from an earlier start")
            return found
        if not model.is_ready_archive:
            find_exporter(platform).check(model, platform)
        make_folder(directory)
        progress(f"load the model from {model.source}")
        loaded = _load(model)
        if isinstance(loaded, ModelFile):
            loaded = replace(loaded, sequence_length=sequence_length)
        with scratch(directory, ".package-") as work:
            _check_space(loaded, directory)
            if isinstance(loaded, ModelFile) and loaded.form == ".tar.gz":
                made = _ready_package(loaded, platform, work, progress)
            else:
                made = _exported_package(loaded, platform, work, progress)
            return _keep(made, directory, made_from)


_load = lru_cache(maxsize=1)(load_model)
"""The platforms of one spec come one after another; the model is the same."""


def read_package(record: Path) -> Package:
    """The package whose record is ``record``; its archive is the file of that name beside it.

    Raises:
        MmebenchError: the record cannot be read, or is not a record.
    """
    try:
        with disk_errors(record):
            package = Package.model_validate_json(record.read_bytes())
    except ValidationError as error:
        raise MmebenchError(f"{record}: not the record of a package; package the model again") from error
    return package.model_copy(update={"archive": record.parent / package.archive.name})


def _check_space(model: Model | ModelFile, directory: Path) -> None:
    """Refuse to begin what the disk cannot hold: the model and its archive, both about the size of the weights.

    Raises:
        MmebenchError: there is less space; exporters say so in words that nobody understands.
    """
    needed = 2 * (4 * model.parameters if isinstance(model, Model) else model.path.stat().st_size)
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise MmebenchError(
            f"{directory}: packaging {model.name} needs {human_bytes(needed)}, the disk has {human_bytes(free)} "
            "free; free some space and run the same command again"
        )


def _exported_package(model: Model | ModelFile, platform: PlatformSpec, work: Path, progress: Progress) -> Package:
    exporter = find_exporter(platform)
    folder = work / model.name
    version = folder / "1"
    version.mkdir(parents=True)
    clock = _Clock()
    progress(f"export {model.name} to {platform.kind} ({platform.precision})")
    if isinstance(model, Model):
        export = exporter.export(model, platform, version)
    else:
        export = exporter.adopt(model, platform, version)
    clock.lap("export")
    parity = None
    longest = model.max_sequence_length if isinstance(model, Model) else None
    if export.reference is not None:
        progress("compare it with eager PyTorch" if isinstance(model, Model) else "compare it with the file")
        lengths = LENGTHS if isinstance(model, Model) else (model.sequence_length,)
        parity = check_parity(export, export.reference, platform, longest, lengths)
        clock.lap("check")
    config = make_config(platform, model.task, export.inputs, export.outputs)
    (folder / "config.pbtxt").write_text(config, encoding="utf-8")
    size = sum(file.stat().st_size for file in version.rglob("*") if file.is_file())
    progress(f"compress {human_bytes(size)}")
    archive = work / "model.tar.gz"
    sha256 = pack(folder, archive)
    clock.lap("archive")
    return Package(
        model=model.name,
        source=model.source,
        task=model.task,
        platform=platform.kind,
        precision=platform.precision,
        weights=model.weights if isinstance(model, Model) else f"file {model.path.name}",
        parameters=model.parameters if isinstance(model, Model) else None,
        inputs=export.inputs,
        outputs=export.outputs,
        max_batch_size=platform.max_batch_size,
        dynamic_batching=platform.dynamic_batching is not None,
        max_sequence_length=longest,
        archive=archive,
        sha256=sha256,
        parity=parity,
        details={**export.details, "model_bytes": size, "seconds": clock.laps},
    )


def _ready_package(file: ModelFile, platform: PlatformSpec, work: Path, progress: Progress) -> Package:
    progress(f"check {file.path.name}")
    archive = work / "model.tar.gz"
    batching = adopt_archive(file, platform, work, archive)
    packages = sorted((work / "unpacked").rglob("*.pt2")) if platform.compiled else []
    return Package(
        model=file.name,
        source=file.source,
        task=file.task,
        platform=platform.kind,
        precision="as given",
        weights=f"file {file.path.name}",
        parameters=None,
        inputs=file.inputs,
        outputs=file.outputs,
        max_batch_size=batching.max_batch_size,
        dynamic_batching=batching.dynamic,
        archive=archive,
        sha256=_sha256(archive),
        parity=None,
        details={"compiled_for": describe_code(packages[0])} if packages else {},
    )


def _keep(made: Package, directory: Path, made_from: str) -> Package:
    """Move the archive into ``directory`` and write its record, in this order: a record means a whole archive."""
    name = f"{made.model}-{platform_label(made.platform, made.precision)}"
    archive = directory / f"{name}.tar.gz"
    details = {**made.details, "fingerprint": made_from, "libraries": library_versions()}
    made.archive.replace(archive)
    package = made.model_copy(update={"archive": Path(archive.name), "details": details})
    record = made.archive.with_name("record.json")
    record.write_text(package.model_dump_json(indent=1), encoding="utf-8")
    record.replace(directory / f"{name}.json")
    return package.model_copy(update={"archive": archive})


def _find_package(directory: Path, made_from: str) -> Package | None:
    """The package in ``directory`` that was made from the same, if its archive is intact."""
    for record in sorted(directory.glob("*.json")):
        try:
            package = read_package(record)
        except MmebenchError:
            continue  # some other file, or the record of an older version: the package is made again
        same = package.details.get("fingerprint") == made_from and package.archive.is_file()
        if same and _sha256(package.archive) == package.sha256:
            return package
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Clock:
    """How long each step took, in seconds."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.laps[step], self._since = round(now - self._since, 3), now
