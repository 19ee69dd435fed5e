"""Hungry targets behind an endpoint, and requests to them."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gpu.hungry import hungry_archive
from mmebench.endpoints.endpoint import Residency
from mmebench.endpoints.local import LocalEndpoint
from support.invocations import invoke, runtime_client

_SUFFIX = ".tar.gz"
ROW = [1.0, 2.0, 3.0, 4.0]


class Asking:
    """Somebody who adds targets to an endpoint and asks them; ``a`` is the target ``a.tar.gz``.

    Attributes:
        client: boto3's.
    """

    def __init__(self, endpoint: LocalEndpoint, folder: Path) -> None:
        self.client = runtime_client(endpoint.url)
        self._endpoint = endpoint
        self._folder = folder

    def add(self, names: Iterable[str], load: int, **sizes: Any) -> None:
        """Copies of one archive, as :func:`gpu.hungry.hungry_archive` makes it."""
        names = list(names)
        self.put(hungry_archive(self._folder / f"{names[0]}.archive", load, **sizes), names)

    def put(self, archive: Path, names: Iterable[str]) -> None:
        """Copies of any archive."""
        self._endpoint.add_targets(archive, map(target, names))

    def ask(self, *names: str, rows: int = 1) -> None:
        """One request after the other; each must be answered rightly."""
        for name in names:
            assert invoke(self.client, target(name), [ROW] * rows) == [[2 * value for value in ROW]] * rows

    def ask_at_once(self, *names: str, rows: int = 1) -> None:
        """The same, with a client for each."""
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name: self.ask(name, rows=rows), names))

    def residency(self) -> Residency:
        """As measured now."""
        return self._endpoint.measure()

    def resident(self) -> list[str]:
        """What is in memory, the least recently used first."""
        return [name.removesuffix(_SUFFIX) for name in self._endpoint.residency().resident]


def target(name: str) -> str:
    """The target that is called so here."""
    return name + _SUFFIX
