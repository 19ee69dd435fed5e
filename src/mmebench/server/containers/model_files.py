"""From an archive to the files that Triton loads on this machine."""

import logging
import shutil
from pathlib import Path

from mmebench.errors import BadInputError
from mmebench.formats import triton_config
from mmebench.formats.archive import unpack
from mmebench.formats.triton_config import ModelConfig
from mmebench.server.backends.inference.options import MODEL_FILES, PLATFORMS
from mmebench.server.containers import ensemble
from mmebench.server.containers.completion import complete
from mmebench.server.containers.machine import has_gpu

_log = logging.getLogger(__name__)
_SERVERS = {**MODEL_FILES, "python": "model.py", ensemble.PLATFORM: "several models"}


class ConfigError(BadInputError):
    """The archive's config.pbtxt is not one that can be loaded."""


def unpack_model(archive: Path, directory: Path, limit: int) -> Path:
    """Unpack ``archive`` as the new ``directory`` of at most ``limit`` bytes, and fit it to this machine.

    Returns:
        The folder in it that Triton loads, under any name; the members of an ensemble are in it.

    Raises:
        ArchiveError: as :func:`mmebench.formats.archive.unpack`. ConfigError: its config.pbtxt cannot be used.
    """
    model = unpack(archive, directory, limit)
    try:
        config = _fit(model, archive, archive.name)
        if config.platform == ensemble.PLATFORM:
            others = sorted(path for path in model.parent.iterdir() if path.is_dir() and path != model)
            members = others if model != directory else []
            for member in members:
                _fit(member, archive, f"{archive.name}: {member.name}")
            try:
                ensemble.gather(config, model, members)
            except BadInputError as error:
                raise ConfigError(f"{archive.name}: config.pbtxt: {error}") from None
    except BaseException:
        shutil.rmtree(directory)
        raise
    return model


def _fit(folder: Path, archive: Path, name: str) -> ModelConfig:
    """Complete and check the config in ``folder``. Without a GPU instances run on the CPU; the model's name goes,
    as it must be that of the directory."""
    path, where = folder / "config.pbtxt", f"{name}: config.pbtxt"
    try:
        text = path.read_text(encoding="utf-8")
        config = triton_config.parse_partial(text, where)
        try:
            completed = complete(config, folder)
        except BadInputError as error:
            raise ConfigError(f"{where}: {error}") from None
        triton_config.check(config, text, where)
    except FileNotFoundError:
        raise ConfigError(f"{name}: no config.pbtxt") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{where} is not UTF-8 text") from None
    except ConfigError:
        raise
    except BadInputError as error:
        raise ConfigError(str(error)) from None
    _refuse_unserved(config, folder, where)
    if completed:
        _log.info("%s: completed from the model", where)
    adapted = config if has_gpu() else triton_config.on_cpu(config)
    if adapted != config:
        _log.warning("%s: this machine has no GPU, so its instances run on the CPU", archive.name)
    adapted.ClearField("name")
    path.write_text(triton_config.render(adapted), encoding="utf-8")
    return adapted


def _refuse_unserved(config: ModelConfig, folder: Path, where: str) -> None:
    """Say which backends there are where the config wants another, and the archive does not bring it."""
    server = triton_config.served_by(config)
    if config.backend:
        served = config.backend in _SERVERS or any(folder.rglob(f"libtriton_{config.backend}.so"))
    else:
        served = config.platform in (*PLATFORMS, ensemble.PLATFORM)
    if not served:
        raise ConfigError(f"{where}: there is no {server} in this endpoint; it has {', '.join(_SERVERS)}")
