"""The recorder: takes every sample of one process and gives them away in batches."""

import struct

import numpy as np
import numpy.typing as npt

from mmebench.load.client.complaints import Complaints

ROW = np.dtype(
    [
        ("intended_ns", "i8"),
        ("start_ns", "i8"),
        ("first_byte_ns", "i8"),
        ("end_ns", "i8"),
        ("response_bytes", "i8"),
        ("key", "i8"),
        ("error", "i4"),
        ("status", "i2"),
        ("cold", "i1"),
        ("pad", "V1"),
    ]
)
"""A sample in memory. Times are ``time.monotonic_ns``; ``first_byte_ns`` is 0 where none came. ``key`` says
target and body as in :mod:`mmebench.load.client.requests`; ``error`` is an index of the errors, 0 for none;
``cold`` is 1, 0, or -1 where the endpoint does not say."""

_PACK = struct.Struct("=6qihbx")
assert _PACK.size == ROW.itemsize

Rows = npt.NDArray[np.void]


class Recorder:
    """Packs samples into a buffer; all that can wait is left to whoever takes them."""

    def __init__(self) -> None:
        self._errors: dict[str | None, int] = {None: 0}
        self._buffer = bytearray(ROW.itemsize * 4096)
        self._end = 0
        self.complaints = Complaints()
        """What the failures among the samples say."""

    def add(
        self,
        intended_ns: int,
        start_ns: int,
        first_byte_ns: int,
        end_ns: int,
        response_bytes: int,
        key: int,
        error: str | None,
        status: int,
        cold: int,
    ) -> None:
        """Append one sample, as :data:`ROW` has it; ``intended_ns`` 0 stands for ``start_ns``."""
        end = self._end
        if end == len(self._buffer):
            self._buffer.extend(bytes(end))
        code = self._errors.setdefault(error, len(self._errors)) if error else 0
        _PACK.pack_into(
            self._buffer, end, intended_ns or start_ns, start_ns, first_byte_ns, end_ns, response_bytes, key,
            code, status, cold,
        )  # fmt: skip
        self._end = end + _PACK.size

    def take(self) -> Rows:
        """What was added since it was last asked."""
        rows = np.frombuffer(self._buffer[: self._end], ROW)
        self._end = 0
        return rows

    @property
    def errors(self) -> list[str]:
        """The errors so far: a row's ``error`` counts from 1 in this list."""
        return [error for error in self._errors if error is not None]
