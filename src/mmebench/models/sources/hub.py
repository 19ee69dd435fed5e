"""Fetching from the Hugging Face hub, without waiting for a network that is not there."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def hub() -> Iterator[None]:
    """While this holds, the hub's client uses only its cache if the hub cannot be reached.

    The client itself retries each file for 20 seconds before it says that there is no network.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _reachable(url: str) -> bool:
    """Whether the name of the hub resolves; behind a proxy only the proxy knows."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    try:
        socket.getaddrinfo(urlsplit(url).hostname, 443)
    except socket.gaierror:
        return False
    return True


def reason(error: Exception) -> str:
    """The first line of what a library says went wrong."""
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
