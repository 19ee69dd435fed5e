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

_log = logging.getLogger(__name__)
_SERVERS = {**MODEL_FILES, "python": "model.py", ensemble.PLATFORM: "several models"}
_TENSORRT = ("tensorrt", "tensorrt_plan")


class ConfigError(BadInputError):
    """The archive's config.pbtxt is not one that can be loaded."""


def unpack_model(archive: Path, directory: Path, limit: int, *, gpus: bool) -> Path:
    """Unpack ``archive`` as the new ``directory`` of at most ``limit`` bytes, and fit it to this machine.

    Args:
        archive, directory, limit: as for :func:`mmebench.formats.archive.unpack`.
        gpus: whether there are any; without them, all instances run on the CPU.

    Returns:
        The folder in it that Triton loads, under any name; the members of an ensemble are in it.

    Raises:
        ArchiveError: as :func:`mmebench.formats.archive.unpack`. ConfigError: its config.pbtxt cannot be used.
    """
    model = unpack(archive, directory, limit)
    try:
        config = _fit(model, archive.name, gpus)
        if config.platform == ensemble.PLATFORM:
            others = sorted(path for path in model.parent.iterdir() if path.is_dir() and path != model)
            members = others if model != directory else []
            for member in members:
                _fit(member, f"{archive.name}: {member.name}", gpus)
            try:
                ensemble.gather(config, model, members)
            except BadInputError as error:
                raise ConfigError(f"{archive.name}: config.pbtxt: {error}") from None
    except BaseException:
        shutil.rmtree(directory)
        raise
    return model


def _fit(folder: Path, name: str, gpus: bool) -> ModelConfig:
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
    adapted = config if gpus else triton_config.on_cpu(config)
    if adapted != config:
        _log.warning("%s: this endpoint has no GPU, so its instances run on the CPU", name)
    adapted.ClearField("name")
    path.write_text(triton_config.render(adapted), encoding="utf-8")
    return adapted


def place(folder: Path, gpu: int) -> int | None:
    """Have the model in ``folder``, with its members, run on this GPU where it wants one and does not say which.

    Returns:
        The GPU that it runs on; None where it wants none.
    """
    found = None
    for path in sorted(ensemble.configs(folder)):
        config = triton_config.read(path, str(path))
        if config.platform != ensemble.PLATFORM:
            placed, used = triton_config.on_gpu(config, gpu)
            found = used if found is None else found
            path.unlink()  # copies of the archive share this file
            path.write_text(triton_config.render(placed), encoding="utf-8")
    return found


def _refuse_unserved(config: ModelConfig, folder: Path, where: str) -> None:
    """Say which backends there are where the config wants another, and the archive does not bring it."""
    server = triton_config.served_by(config)
    if config.backend:
        served = config.backend in _SERVERS or any(folder.rglob(f"libtriton_{config.backend}.so"))
    else:
        served = config.platform in (*PLATFORMS, ensemble.PLATFORM)
    if not served:
        hint = "; NVIDIA's image has TensorRT: give its URL as container" if server in _TENSORRT else ""
        raise ConfigError(f"{where}: there is no {server} in this endpoint; it has {', '.join(_SERVERS)}{hint}")
