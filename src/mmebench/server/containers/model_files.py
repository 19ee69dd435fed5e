"""From an archive to the files that Triton loads on this machine."""

import logging
import shutil
from pathlib import Path

from mmebench.errors import BadInputError
from mmebench.formats import triton_config
from mmebench.formats.archive import unpack
from mmebench.server.containers.machine import has_gpu

_log = logging.getLogger(__name__)


class ConfigError(BadInputError):
    """The archive's config.pbtxt is not one that can be loaded."""


def unpack_model(archive: Path, directory: Path, limit: int) -> Path:
    """Unpack ``archive`` as the new ``directory`` of at most ``limit`` bytes, and fit it to this machine.

    Returns:
        The folder in it that Triton loads, under any name.

    Raises:
        ArchiveError: as :func:`mmebench.formats.archive.unpack`. ConfigError: its config.pbtxt cannot be used.
    """
    model = unpack(archive, directory, limit)
    try:
        _fit_config(model / "config.pbtxt", archive)
    except BaseException:
        shutil.rmtree(directory)
        raise
    return model


def _fit_config(path: Path, archive: Path) -> None:
    """Without a GPU instances run on the CPU; the name goes, as it must be that of the directory."""
    try:
        config = triton_config.parse(path.read_text(encoding="utf-8"), f"{archive.name}: config.pbtxt")
    except UnicodeDecodeError:
        raise ConfigError(f"{archive.name}: config.pbtxt is not UTF-8 text") from None
    except BadInputError as error:
        raise ConfigError(str(error)) from None
    adapted = config if has_gpu() else triton_config.on_cpu(config)
    if adapted != config:
        _log.warning("%s: this machine has no GPU, so its instances run on the CPU", archive.name)
    adapted.ClearField("name")
    path.write_text(triton_config.render(adapted), encoding="utf-8")
