"""Joining a load of another host: the client processes that ``mmebench worker`` keeps."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mmebench.die_with_parent import dying_with_parent
from mmebench.errors import MmebenchError
from mmebench.load.processes.process import locust, stop
from mmebench.load.processes.token import hand_over
from mmebench.open_files import allow_open_files

_LOOK_SECONDS = 1.0
_MOST_FILES = 65_536
"""A client process is told only later how many users it will have."""
_Process = subprocess.Popen[bytes]


def join_load(conductor: str, processes: int, token: str | None) -> None:
    """Be client processes of the load that ``conductor`` leads, from whenever it begins until it is over.

    What there is to do is asked of the conductor. Credentials are this host's own.

    Args:
        conductor: ``host:port`` where it listens, now or later.
        processes: how many to start; Ctrl-C or SIGTERM ends them.
        token: of the load; None where it has none.

    Raises:
        MmebenchError: a process failed; it has said why.
    """
    with _clients(conductor, processes, token) as clients:
        failed = sum(client.wait() != 0 for client in clients)
    if failed:
        raise MmebenchError(f"{failed} of {processes} client processes failed; what they said is above")


def serve_loads(conductor: str, processes: int, token: str | None) -> None:
    """The same for load after load, until Ctrl-C or SIGTERM.

    A client process that has ended, because its load is over or it lost its link, is followed by another one,
    which waits for the next load or comes back into this one.
    """
    with _clients(conductor, processes, token) as clients:
        while True:
            time.sleep(_LOOK_SECONDS)
            for number, client in enumerate(clients):
                if client.poll() is not None:
                    clients[number] = _start(conductor, token)


@contextmanager
def _clients(conductor: str, processes: int, token: str | None) -> Iterator[list[_Process]]:
    """Processes, which are ended with the block; each sends what it has recorded then."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    allow_open_files(_MOST_FILES)
    clients: list[_Process] = []
    try:
        for _ in range(processes):
            clients.append(_start(conductor, token))
        yield clients
    finally:
        for client in clients:
            client.send_signal(signal.SIGTERM)  # all of them at once
        for client in clients:
            stop(client)


def _start(conductor: str, token: str | None) -> _Process:
    host, _, port = conductor.rpartition(":")
    environment = hand_over(token) | {"MMEBENCH_CONDUCTOR": conductor}
    for own in ("MMEBENCH_JOB", "MMEBENCH_EVENTS"):
        environment.pop(own, None)
    # Nobody else would end one that waits for a load, if this process were killed.
    command = dying_with_parent(locust("--worker", "--master-host", host, "--master-port", port), signal.SIGTERM)
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
