"""The same connection over TLS, through the public ``ssl.MemoryBIO``."""

import ssl
from collections.abc import Iterator
from typing import Any

from gevent import socket as gevent_socket

from mmebench.load.connection import Address, Answered, Connection

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
        self._pieces: Iterator[memoryview] = iter(())
        self._ciphertext = memoryview(bytearray(2 * _PIECE_BYTES))

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

    def _receiver(self) -> Any:
        return self._decrypt_into

    def _send(self) -> None:
        self._pieces = _cut(*self._request)
        self._writable()

    def _writable(self) -> None:
        try:
            while True:
                if self._unsent is None:
                    piece = next(self._pieces, None)
                    if piece is None:
                        self._writer.stop()
                        return
                    while piece:  # OpenSSL takes one record of 16 KiB at a time
                        piece = piece[self._tls.write(piece) :]
                    self._unsent = memoryview(self._outgoing.read())
                self._unsent = self._unsent[self._socket.send(self._unsent) :] or None
        except BlockingIOError:
            self._writer.start(self._writable)
        except OSError as error:
            self._broken(type(error).__name__)

    def _readable(self) -> None:
        super()._readable()
        # What OpenSSL holds already does not wake the hub.
        while self._socket is not None and (self._incoming.pending or self._tls.pending()):
            super()._readable()

    def _decrypt_into(self, view: memoryview) -> int:
        """Like ``recv_into``: plaintext bytes, 0 at the end, BlockingIOError when more has to come first."""
        if not self._incoming.pending and not self._tls.pending():
            received = self._socket.recv_into(self._ciphertext)
            if not received:
                return 0
            self._incoming.write(self._ciphertext[:received])
        try:
            return int(self._tls.read(len(view), view))
        except ssl.SSLWantReadError:  # also when all that came was a session ticket
            raise BlockingIOError from None
        except ssl.SSLZeroReturnError:
            return 0
        finally:
            if self._outgoing.pending and self._unsent is None:  # the answer to a key update
                self._unsent = memoryview(self._outgoing.read())
                self._writer.start(self._writable)


def _cut(head: bytes, body: memoryview | None) -> Iterator[memoryview]:
    """The request in pieces of :data:`_PIECE_BYTES`; the head and the start of the body make up the first."""
    if body is None:
        yield memoryview(head)
        return
    first = max(_PIECE_BYTES - len(head), 0)
    yield memoryview(head + bytes(body[:first]))
    for at in range(first, len(body), _PIECE_BYTES):
        yield body[at : at + _PIECE_BYTES]
