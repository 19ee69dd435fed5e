"""The same connection over TLS, through the public ``ssl.MemoryBIO``."""

import ssl
from collections.abc import Callable, Iterator
from typing import Any

from gevent import socket as gevent_socket
from typing_extensions import override

from mmebench.load.client.connection import Address, Answered, Connection

_PIECE_BYTES = 32768
"""Encrypt and send this much at a time: the ciphertext is still in the processor's cache when it is sent."""


class TlsConnection(Connection):
    """Encrypts what is sent and decrypts what comes; everything else is :class:`Connection`."""

    def __init__(self, address: Address, answered: Answered) -> None:
        super().__init__(address, answered)
        assert address.tls is not None, "a TLS connection needs a context"
        self._context = address.tls
        self._tls: Any = None
        self._incoming = self._outgoing = ssl.MemoryBIO()
        self._pieces: Iterator[bytes | memoryview] = iter(())
        self._drained = True
        """OpenSSL holds nothing that it has not given us."""

    @override
    def close(self) -> None:
        super().close()
        self._drained = True

    def _shake_hands(self, opened: gevent_socket.socket) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_hostname=self._address.host)
        while True:
            try:
                self._tls.do_handshake()
                opened.sendall(self._outgoing.read())
                return
            except ssl.SSLWantReadError:
                opened.sendall(self._outgoing.read())
                data = opened.recv(_PIECE_BYTES)
                if not data:
                    raise ConnectionResetError("closed during the handshake") from None
                self._incoming.write(data)

    def _receivers(self) -> tuple[Callable[[int], bytes], Callable[[memoryview], int]]:
        return self._decrypt, self._decrypt_into

    def _send(self) -> None:
        head, body = self._request
        self._pieces = iter((head,)) if body is None else _cut(head, body)
        self._encrypt()

    def _writable(self) -> None:
        self._encrypt()
        if self._unsent is None:
            self._writer.stop()

    def _encrypt(self) -> None:
        """Send as much as the connection takes; the rest waits for :meth:`_writable`."""
        try:
            while True:
                if self._unsent is None:
                    piece = next(self._pieces, None)
                    if piece is None:
                        return
                    while piece:  # OpenSSL takes one record of 16 KiB at a time
                        piece = piece[self._tls.write(piece) :]
                    self._unsent = self._outgoing.read()
                self._unsent = self._unsent[self._socket.send(self._unsent) :] or None
        except BlockingIOError:
            self._writer.start(self._writable)
        except OSError as error:
            self._broken(type(error).__name__)

    def _readable(self) -> None:
        super()._readable()
        while not self._drained:  # what OpenSSL holds already does not wake the hub
            super()._readable()

    def _decrypt(self, size: int) -> bytes:
        """Like ``recv``; raises what OpenSSL raises."""
        if not self._has_ciphertext():
            return b""
        data: bytes = self._tls.read(size)
        self._drained = not (self._incoming.pending or self._tls.pending())
        return data

    def _decrypt_into(self, view: memoryview) -> int:
        """Like ``recv_into``."""
        if not self._has_ciphertext():
            return 0
        size: int = self._tls.read(len(view), view)
        self._drained = not (self._incoming.pending or self._tls.pending())
        return size

    def _has_ciphertext(self) -> bool:
        """Take some from the socket if OpenSSL holds none; False where the server closed its side."""
        if self._drained:
            ciphertext = self._socket.recv(_PIECE_BYTES)
            if not ciphertext:
                return False
            self._incoming.write(ciphertext)
        self._drained = True  # unless reading it turns out to leave some
        return True


def _cut(head: bytes, body: memoryview | None) -> Iterator[memoryview]:
    """The request in pieces of :data:`_PIECE_BYTES`; the head and the start of the body make up the first."""
    if body is None:
        yield memoryview(head)
        return
    first = max(_PIECE_BYTES - len(head), 0)
    yield memoryview(head + bytes(body[:first]))
    for at in range(first, len(body), _PIECE_BYTES):
        yield body[at : at + _PIECE_BYTES]
