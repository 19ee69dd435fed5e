"""What is not installed, and what brings it: the extras of this package, from PyPI or from its own clone."""

import json
import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, distribution
from urllib.parse import unquote, urlsplit

from mmebench.errors import BadInputError

_PACKAGE = "mmebench"
_DISTRIBUTIONS = {
    "PIL": "torchvision",
    "google": "protobuf",
    "huggingface_hub": "transformers",
    "pynvml": "nvidia-ml-py",
    "tokenizers": "transformers",
    "yaml": "pyyaml",
}
"""What brings a module that is not called as its distribution is."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)""")


def how_to_install(extra: str = "") -> str:
    """The command that brings an extra: ``pip install 'mmebench[models]'``, or of the clone where this is one."""
    source = _clone()
    wanted = f"[{extra}]" if extra else ""
    return f"pip install -e '{source}{wanted}'" if source else f"pip install '{_PACKAGE}{wanted}'"


def missing_module(error: ModuleNotFoundError) -> BadInputError | None:
    """What to say where a package that we use is not installed; None where the module is none of these.

    A core install has no more than what a load host needs, and every command says what else it takes: of the
    extras that bring it, the smallest.
    """
    module = (error.name or "").partition(".")[0]
    wanted = _canonical(_DISTRIBUTIONS.get(module, module))
    extras: Counter[str] = Counter()
    bringing = []
    for requirement in _requirements():
        name, extra = _NAME.match(requirement), _EXTRA.search(requirement)
        brought_by = extra[1] if extra else ""
        extras[brought_by] += 1
        if name is not None and _canonical(name[0]) == wanted:
            bringing.append(brought_by)
    if not bringing:
        return None
    smallest = min(bringing, key=lambda extra: extras[extra])
    return BadInputError(f"this needs {module}, which is not installed; run: {how_to_install(smallest)}")


def _requirements() -> list[str]:
    try:
        return distribution(_PACKAGE).requires or []
    except PackageNotFoundError:  # run from a folder that nobody has installed
        return []


def _clone() -> str | None:
    """The folder that an editable install has its files in, as PEP 610 records it."""
    try:
        recorded = distribution(_PACKAGE).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    found = json.loads(recorded or "{}")
    editable = found.get("dir_info", {}).get("editable", False)
    return unquote(urlsplit(found["url"]).path) if editable else None


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-")
