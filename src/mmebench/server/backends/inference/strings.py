"""Strings of Triton, which are bytes, as the strings that ONNX Runtime's Python interface takes, and back.

It takes ``str`` and means UTF-8; a ``bytes`` object it takes by its repr. Bytes that are no UTF-8 become
characters of a private area, each byte one, so that a model that hands them through gives them back.
"""

import numpy as np
from numpy.typing import NDArray

_PRIVATE = 0x10FF00
_ESCAPED = 0xDC00
"""Where Python's ``surrogateescape`` puts a byte that is no UTF-8."""
_HIDE: dict[int, str] = {
    # Who really sends such a character gets its bytes back, too.
    _PRIVATE + byte: "".join(chr(_PRIVATE + part) for part in chr(_PRIVATE + byte).encode())
    for byte in range(128, 256)
} | {_ESCAPED + byte: chr(_PRIVATE + byte) for byte in range(128, 256)}
_SHOW = {_PRIVATE + byte: _ESCAPED + byte for byte in range(128, 256)}


def to_text(array: NDArray[np.object_]) -> NDArray[np.object_]:
    """An array of ``bytes`` as one of ``str``."""
    texts = [value.decode("utf-8", "surrogateescape").translate(_HIDE) for value in array.ravel().tolist()]
    return _shaped(texts, array.shape)


def to_bytes(array: NDArray[np.object_]) -> NDArray[np.object_]:
    """An array of ``str`` as one of ``bytes``."""
    values = [text.translate(_SHOW).encode("utf-8", "surrogateescape") for text in array.ravel().tolist()]
    return _shaped(values, array.shape)


def _shaped(values: list[str] | list[bytes], shape: tuple[int, ...]) -> NDArray[np.object_]:
    flat = np.empty(len(values), np.object_)
    flat[:] = values
    return flat.reshape(shape)
