"""Clients of a target in memory, while another target takes its time to be loaded."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from support.invocations import invoke, runtime_client
from support.serving import Serve
from support.tiny_models import weighty_archive

pytestmark = [pytest.mark.triton, pytest.mark.slow]

CLIENTS = 8
LOAD_SECONDS = 4.0
ROWS = [[1.0, 2.0, 3.0, 4.0]]


class Bystanders:
    """Each asks for the same target again and again, on a connection of its own."""

    def __init__(self, url: str, target: str) -> None:
        self.answers: list[tuple[float, float]] = []
        """When each was asked for, and how long it took, in seconds."""
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url, target)) for _ in range(CLIENTS)]

    def __enter__(self) -> "Bystanders":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, url: str, target: str) -> None:
        client = runtime_client(url)
        invoke(client, target, ROWS)
        while not self._ended.wait(0.05):
            asked = time.perf_counter()
            invoke(client, target, ROWS)
            self.answers.append((asked, time.perf_counter() - asked))

    def worst(self, begin: float, end: float) -> float:
        """The latency that clients were in at 1 % of the window's moments.

        By time and not by requests: a client that is held up asks for nothing meanwhile.
        """
        taken = np.sort([taken for asked, taken in self.answers if begin <= asked < end])
        waited = np.cumsum(taken[::-1])
        return float(taken[::-1][np.searchsorted(waited, 0.01 * CLIENTS * (end - begin))])


@pytest.mark.parametrize("container", ["triton", "python"])
def test_a_load_does_not_hold_up_others(serve: Serve, tmp_path: Path, container: str) -> None:
    endpoint = serve(container=container)
    endpoint.add_targets(weighty_archive(tmp_path / "quick.tar.gz", 1), ["quick.tar.gz"])
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 2, load=LOAD_SECONDS), ["slow.tar.gz"])
    client = runtime_client(endpoint.url)
    invoke(client, "quick.tar.gz", ROWS)
    with Bystanders(endpoint.url, "quick.tar.gz") as bystanders:
        time.sleep(1)
        begin = time.perf_counter()
        invoke(client, "slow.tar.gz", ROWS)
        end = time.perf_counter()
    assert end - begin > LOAD_SECONDS
    # Who waits for the load, waits for all of it. What a machine that is held up itself adds, is far from that.
    assert bystanders.worst(begin, end) < 0.2 * (end - begin)
