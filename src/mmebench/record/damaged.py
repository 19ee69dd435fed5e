"""What is said of a file of results that cannot be read: a disk was full, or somebody copied half of it."""

from pathlib import Path

from mmebench.errors import BadInputError


def damaged(path: Path, what: str, why: Exception | str) -> BadInputError:
    """To be raised; ``what`` should be in the file: ``samples``, ``rows``."""
    reason = str(why).partition("\n")[0].rstrip(".")
    return BadInputError(
        f"{path}: not {what} as mmebench writes them ({reason}); it was cut off or changed: copy it once more, or "
        "remove it to go on without what it has"
    )
