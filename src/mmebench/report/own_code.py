"""Which code computes and draws: what another version of it made is made anew."""

from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.metadata import version
from pathlib import Path

OWN_PACKAGE = "mmebench"
_OTHERS = ("numpy", "scipy", "pandas", "pyarrow", "matplotlib")


@cache
def own_code() -> bytes:
    """A digest of all of this package's code, and of the versions of what it computes and draws with."""
    digest = sha256(" ".join(map(version, _OTHERS)).encode())
    for path in sorted(Path(str(resources.files(OWN_PACKAGE))).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()
