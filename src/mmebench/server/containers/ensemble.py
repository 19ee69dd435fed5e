"""Ensembles: an archive's models that Triton knows by names, and a target that has these models for itself.

In a repository each model has one name, so the members of a target are called after the target's model.
"""

import shutil
from pathlib import Path

from mmebench.errors import BadInputError
from mmebench.formats import triton_config
from mmebench.formats.triton_config import ModelConfig

PLATFORM = "ensemble"
_MEMBERS = "members"


def gather(config: ModelConfig, folder: Path, members: list[Path]) -> None:
    """Move ``members`` into the ensemble's ``folder``, so that one folder is the whole target.

    Raises:
        BadInputError: a step of the ensemble has no folder in the archive.
    """
    names = [member.name for member in members]
    unknown = sorted({step.model_name for step in config.ensemble_scheduling.step} - set(names))
    if unknown or not names:
        wanted, found = ", ".join(unknown) or "models", ", ".join(names) or "none beside it"
        raise BadInputError(f"its steps need {wanted}; the archive has {found}")
    (folder / _MEMBERS).mkdir()
    for member in members:
        member.rename(folder / _MEMBERS / member.name)


def configs(folder: Path) -> list[Path]:
    """The configurations of the target whose files are ``folder``, those of its members too."""
    return [folder / "config.pbtxt", *(folder / _MEMBERS).glob("*/config.pbtxt")]


def place(folder: Path) -> None:
    """Put the members of the target whose files are ``folder`` beside it, and let its steps name them there.

    A folder without members stays as it is.
    """
    gathered = folder / _MEMBERS
    if not gathered.is_dir():
        return
    path = folder / "config.pbtxt"
    config = triton_config.read(path, str(path))
    for step in config.ensemble_scheduling.step:
        step.model_name = member_of(folder.name, step.model_name)
    path.unlink()  # others share this file
    path.write_text(triton_config.render(config), encoding="utf-8")
    for member in gathered.iterdir():
        beside = folder.with_name(member_of(folder.name, member.name))
        shutil.rmtree(beside, ignore_errors=True)
        member.rename(beside)
    gathered.rmdir()


def is_one(folder: Path) -> bool:
    """Whether the target whose files are ``folder`` has members beside it."""
    return any(folder.parent.glob(member_of(folder.name, "*")))


def remove(folder: Path) -> None:
    """Remove the files of a target, with those of its members."""
    shutil.rmtree(folder, ignore_errors=True)
    for member in folder.parent.glob(member_of(folder.name, "*")):
        shutil.rmtree(member, ignore_errors=True)


def member_of(model: str, name: str) -> str:
    """What the member ``name`` of ``model`` is called in the repository."""
    return f"{model}.{name}"


def owner(name: str) -> str:
    """The model that a member belongs to; a model that is no member belongs to itself."""
    return name.partition(".")[0]
