"""The load client of one process: its callers, and what they share.

Everything that can be done once is done once: bodies are hashed at the start, a signature is made for each target
and second, targets are drawn by the thousand, samples are folded into statistics once a second.
"""

import ssl
from pathlib import Path
from time import monotonic_ns
from urllib.parse import urlsplit

import gevent

from mmebench.errors import BadInputError
from mmebench.load.client.caller import Caller
from mmebench.load.client.connection import Address
from mmebench.load.client.pace import Pace
from mmebench.load.client.recorder import Recorder
from mmebench.load.client.requests import SignedRequests


def parse_address(url: str, ca: Path | None = None) -> Address:
    """Where ``url`` leads; HTTPS is verified against ``ca``, or ``SSL_CERT_FILE``, or the system's certificates.

    Raises:
        BadInputError: ``ca`` holds no certificates.
    """
    parts = urlsplit(url)
    if parts.scheme != "https":
        return Address(parts.hostname or "", parts.port or 80)
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise BadInputError(f"{ca}: {error}; give a file of certificates in PEM form") from None
    return Address(parts.hostname or "", parts.port or 443, context)


class LoadClient:
    """Callers come and go; the pace says when each of them sends."""

    def __init__(
        self, address: Address, requests: SignedRequests, recorder: Recorder, pace: Pace, timeout: float
    ) -> None:
        """Args: ``timeout`` is the longest wait for an answer in seconds, kept to within a second."""
        self._address = address
        self._requests = requests
        self._recorder = recorder
        self._pace = pace
        self._timeout = timeout
        self._callers: set[Caller] = set()

    def add_caller(self) -> Caller:
        """A new caller, with a connection of its own."""
        caller = Caller(self._address, self._requests, self._recorder, self._pace.freed)
        self._callers.add(caller)
        self._pace.joined(caller)
        return caller

    def remove_caller(self, caller: Caller) -> None:
        """Wait until the caller's last answer is there, and close the connection; whoever waits may be killed."""
        self._pace.left(caller)
        try:
            caller.leave(self._timeout + 5)
        finally:
            self._callers.discard(caller)

    def every_second(self) -> None:
        """Sign anew, and give up what has waited too long."""
        self._requests.renew()
        too_old = monotonic_ns() - int(self._timeout * 1e9)
        for caller in list(self._callers):
            caller.give_up_before(too_old)

    def drain(self) -> None:
        """Start no more requests, and wait for the answers under way; none takes longer than the time-out."""
        self._pace.stop()
        while any(caller.busy for caller in self._callers):
            gevent.sleep(0.02)
