"""Hosts that are namespaces of this machine's kernel: a network, or a clock, of their own."""

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

AHEAD_SECONDS = 1000
OTHER_CLOCK = ("unshare", "--time", "--monotonic", str(AHEAD_SECONDS), "--fork", "--kill-child", "--")
"""Before a command: its monotonic clock is ahead of this host's."""


def require(*command: str) -> None:
    """Skip the test where the kernel, or who runs it, does not allow this."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"no {command[0]} on this machine")
    if done.returncode != 0:
        pytest.skip(f"{' '.join(command)} is not allowed here: {done.stderr.strip()}")


def inside(namespace: str) -> tuple[str, ...]:
    """Before a command: it runs on this host."""
    return ("ip", "netns", "exec", namespace)


@contextmanager
def star_of_hosts(address: str, others: int) -> Iterator[tuple[str, ...]]:
    """Network namespaces: the first has ``address``, which the others, up to 250, reach over a cable each.

    Cable ``to3`` of the first ends in the other of that number, counted from 1.
    """
    names = tuple(f"mmebench-{os.getpid()}-{number}" for number in range(others + 1))
    require("ip", "netns", "add", names[0])
    try:
        for name in names[1:]:
            _ip("netns", "add", name)
        for name in names:
            _ip("-n", name, "link", "set", "lo", "up")
        first = names[0]
        _ip("-n", first, "address", "add", f"{address}/32", "dev", "lo")
        for number, other in enumerate(names[1:], start=1):
            _ip("-n", first, "link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns", other)
            _ip("-n", first, "address", "add", f"10.213.{number}.1/30", "dev", f"to{number}")
            _ip("-n", first, "link", "set", f"to{number}", "up")
            _ip("-n", other, "address", "add", f"10.213.{number}.2/30", "dev", "eth0")
            _ip("-n", other, "link", "set", "eth0", "up")
            _ip("-n", other, "route", "add", f"{address}/32", "via", f"10.213.{number}.1")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def set_cable(first: str, number: int, state: str) -> None:
    """Have a cable of the first host ``up`` or ``down``."""
    _ip("-n", first, "link", "set", f"to{number}", state)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def call_inside(namespace: str, make: Callable[[], T]) -> T:
    """What ``make`` returns when it runs on this host; sockets that it opens stay there."""

    def enter() -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = os.open(Path("/run/netns", namespace), os.O_RDONLY)
        try:
            if libc.setns(descriptor, 0) != 0:
                raise OSError(ctypes.get_errno(), f"setns {namespace}")
        finally:
            os.close(descriptor)
        return make()

    with ThreadPoolExecutor(1) as thread:  # only this thread moves
        return thread.submit(enter).result()
