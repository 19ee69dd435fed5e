"""What other packages add to mmebench: entry points of groups ``mmebench.<noun>``, called as their kinds are."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mmebench.errors import BadInputError

_installed = cache(entry_points)
"""Read once for all nouns: it takes a file of each package."""


@cache
def additions(noun: str) -> tuple[EntryPoint, ...]:
    """Those of one noun, of all packages that are installed; none of them is imported yet."""
    return tuple(_installed().select(group=f"mmebench.{noun}"))


def load_addition(noun: str, entry: EntryPoint) -> Any:
    """The object behind it.

    Raises:
        BadInputError: its package cannot be imported.
    """
    try:
        return entry.load()
    except Exception as error:  # whatever another package does when it is imported
        raise unusable(noun, entry, f"{type(error).__name__}: {error}") from error


def unusable(noun: str, entry: EntryPoint, why: str) -> BadInputError:
    """What to raise for an addition that cannot be used."""
    package = entry.dist.name if entry.dist else "?"
    return BadInputError(
        f"{noun}: {entry.name} of package {package} ({entry.value}): {why}; mend {package}, or uninstall it"
    )
