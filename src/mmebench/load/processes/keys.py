"""The keys of a load's link, both pairs of them made from its token."""

import hashlib
from typing import NamedTuple

import zmq
from zmq.utils import z85


class KeyPair(NamedTuple):
    """Of Curve25519, as text in Z85."""

    public: bytes
    secret: bytes


class Keys(NamedTuple):
    """The conductor's, by which workers know it, and the workers', which it asks for."""

    conductor: KeyPair
    worker: KeyPair


def make_keys(token: str) -> Keys:
    """The same for the same token; who wants to find it from what is sent needs 50 ms a guess."""
    secrets = hashlib.scrypt(token.encode(), salt=b"mmebench link", n=1 << 14, r=8, p=1, dklen=64)
    return Keys(_pair(secrets[:32]), _pair(secrets[32:]))


def _pair(secret: bytes) -> KeyPair:
    encoded: bytes = z85.encode(secret)
    return KeyPair(zmq.curve_public(encoded), encoded)
