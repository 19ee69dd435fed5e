"""Names of targets, as the SageMaker Runtime API takes them in TargetModel."""

import hashlib
import re
from pathlib import Path, PurePosixPath

from mmebench.errors import BadInputError

_SUFFIX = ".tar.gz"
_LONGEST_COMPONENT = 63
_LONGEST_NAME = 1024
"""The longest TargetModel that the SageMaker Runtime API allows."""


class TargetError(BadInputError):
    """No archive can stand behind this target name, or none does."""


def archive_name(target: str) -> PurePosixPath:
    """The path of the archive of ``target``, relative to where archives are.

    Raises:
        TargetError: there can be no archive of this name.
    """
    name = PurePosixPath(target)
    if (
        not target.isprintable()
        or not 0 < len(target) <= _LONGEST_NAME
        or not target.endswith(_SUFFIX)
        or str(name) != target
        or name.is_absolute()
        or ".." in name.parts
    ):
        raise TargetError(
            f"TargetModel {target[:100]!r} names no archive; give a path below the store that ends in .tar.gz, "
            f"at most {_LONGEST_NAME} printable characters"
        )
    return name


def component_of(target: str, prefix: str = "") -> str:
    """What an inference component or an endpoint of this archive alone is called; any other name is one already.

    Names of both are of letters, digits and hyphens, 63 at most (CreateInferenceComponent, CreateEndpoint), and an
    account has each once. A longer one is cut and ends in a digest of what was cut.

    Args:
        target: the archive.
        prefix: what the name begins with, 40 characters at most.
    """
    if not target.endswith(_SUFFIX):
        return target
    name = prefix + (re.sub(r"[^A-Za-z0-9]+", "-", target.removesuffix(_SUFFIX)).strip("-") or "model")
    if len(name) > _LONGEST_COMPONENT:
        digest = hashlib.sha256(target.encode()).hexdigest()[:8]
        name = f"{name[: _LONGEST_COMPONENT - len(digest) - 1].rstrip('-')}-{digest}"
    return name


def archive_of(component: str) -> str:
    """The target that an inference component of this name, or an endpoint of one model, is made of."""
    return component + _SUFFIX


def archive_path(root: Path, target: str) -> Path:
    """Where the archive of ``target`` is below ``root``, or would be; raises TargetError."""
    return root / archive_name(target)
