"""What must not reach a v2 server: requests of which one would end it, or keep it busy, for all of its clients.

Triton 2.51 makes room for the shape that JSON claims before it looks at the data, ends when there is none
(``[2147483648, 4]`` in 83 bytes), and reads nested JSON by recursion until its stack is used up. So shapes are
held against the bytes that are there, and nesting and the number of tensors have limits. Whatever else is wrong is
for the server to say, as it depends on the model.
"""

import functools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from mmebench.server.containers.v2 import json_size

_TENSORS = 1000
_DIMENSIONS = 32
_CACHED_BYTES = 4096
"""Heads of binary requests up to here are remembered: a client's are all the same."""
_LONG_BYTES = 4096
"""Lists of numbers longer than this are not looked into."""
_STRINGS = 2000
"""Quotes in a request up to which it is worth looking for such lists between them."""
_SLOW_BYTES = 4 * 1024 * 1024
"""Up to here JSON may have what only a slow parser can judge: escaped names, NaN, other than UTF-8."""
_ITEM_BYTES = {
    "BOOL": 1, "UINT8": 1, "INT8": 1, "UINT16": 2, "INT16": 2, "FP16": 2, "BF16": 2, "UINT32": 4, "INT32": 4,
    "FP32": 4, "UINT64": 8, "INT64": 8, "FP64": 8,
}  # fmt: skip
_STRING_BYTES = 4
"""What a string takes at least: its length."""

Size = Annotated[int, msgspec.Meta(ge=0)]
Name = Annotated[str, msgspec.Meta(max_length=1024)]
"""Errors quote it, and so does the log."""


class _Parameters(msgspec.Struct):
    binary_data_size: Size | None = None


class _Input(msgspec.Struct):
    name: Name
    datatype: str
    shape: Annotated[list[Size], msgspec.Meta(max_length=_DIMENSIONS)]
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Selection(msgspec.Struct):
    classification: Any = None


class _Output(msgspec.Struct):
    name: Name
    parameters: _Selection = msgspec.field(default_factory=_Selection)


class _Request(msgspec.Struct):
    inputs: Annotated[list[_Input], msgspec.Meta(max_length=_TENSORS)]
    outputs: Annotated[list[_Output], msgspec.Meta(max_length=_TENSORS)] = []


_decoder = msgspec.json.Decoder(_Request)


def flaw(headers: Mapping[bytes, bytes], chunks: Sequence[bytes]) -> str | None:
    """Why a request must not be passed on; None where nothing speaks against it.

    Args:
        headers: the client's, names in lower case.
        chunks: the whole body.
    """
    said, length = json_size(headers), sum(map(len, chunks))
    if said is None:
        return _flaw(chunks[0] if len(chunks) == 1 else b"".join(chunks), 0)
    size = int(said) if said.isdigit() and len(said) < 10 else -1
    if not 0 <= size <= length:
        shown = said[:40].decode("ascii", "replace")
        return f"json-header-size is {shown!r}; it must be a number of bytes of the body, which has {length}"
    if size == 0:
        return None  # one tensor without any description, which the model's config gives
    text = chunks[0][:size] if len(chunks[0]) >= size else b"".join(chunks)[:size]  # tensors are not to be copied
    return (_known if size <= _CACHED_BYTES else _flaw)(text, length - size)


def _flaw(text: bytes, binary: int) -> str | None:
    """What is wrong with a request of this JSON and so many bytes behind it."""
    try:
        request = _decode(_shortened(text))
    except RecursionError:
        return "the request's JSON is nested too deeply"
    except (ValueError, msgspec.MsgspecError) as error:
        return f"failed to parse the request JSON: {error}"
    for output in request.outputs:
        if output.parameters.classification is not None:
            return (
                f"output '{output.name}': classification is not taken; of strings, or of nothing, it ends Triton"
            )
    written = 0
    for item in request.inputs:
        count = math.prod(item.shape)
        if item.data is not msgspec.UNSET and item.parameters.binary_data_size is not None:
            return f"input '{item.name}' has both data and a binary_data_size"
        if item.data is not msgspec.UNSET:
            # A number and what separates it from the next take two bytes at least.
            written += count
            if written > len(text) // 2 + len(request.inputs):
                return f"input '{item.name}': there is not enough data for its shape {item.shape}"
        elif (size := item.parameters.binary_data_size) is None:
            return f"input '{item.name}' has neither data nor a binary_data_size"
        else:
            item_bytes = _ITEM_BYTES.get(item.datatype)
            if count * (item_bytes or _STRING_BYTES) > size or (item_bytes and count * item_bytes != size):
                return f"input '{item.name}': {size} bytes are not what its shape {item.shape} takes"
            binary -= size
    if binary:
        what = f"{binary} bytes more than" if binary > 0 else f"{-binary} bytes less than"
        return f"the body has {what} its inputs' binary_data_size"
    return None


_known = functools.lru_cache(1024)(_flaw)


def _shortened(text: bytes) -> bytes:
    """A request's JSON without what is in long lists of numbers called ``data``.

    What is wrong in these, the server says.
    They are nearly all of a tensor in JSON, and to parse them takes a millisecond or two for each megabyte, in
    which nobody else is served. A long shape is looked into: it may be long by blanks only. Where no string has an
    escape in it, what is between one quote and the next is by turns outside of strings and in one.
    """
    if len(text) <= _LONG_BYTES or b"\\" in text:
        return text
    kept: list[bytes] = []
    begin = end = 0  # of what is to be kept; of the piece outside of strings
    for _ in range(_STRINGS):
        opening = text.find(b'"', end)
        if text.endswith(b'"data"', begin, end):
            cut = _long_list(text, end, len(text) if opening < 0 else opening)
            if cut is not None:
                kept.append(text[begin : cut[0]])
                begin = cut[1]
        end = 0 if opening < 0 else text.find(b'"', opening + 1) + 1
        if not end:  # there are no more strings, or the last one does not end
            return b"".join([*kept, text[begin:]]) if kept else text
    return text


def _long_list(text: bytes, begin: int, end: int) -> tuple[int, int] | None:
    """Where the content of the list is that follows a name, if long and without lists or objects in it."""
    if end - begin <= _LONG_BYTES:
        return None
    first = text.find(b"[", begin, end) + 1
    last = text.find(b"]", first, end)
    if not 0 < first < last - _LONG_BYTES or any(text.find(mark, first, last) >= 0 for mark in (b"[", b"{")):
        return None
    if text[begin : first - 1].strip() != b":":
        return None
    return first, last


def _decode(text: bytes) -> _Request:
    """The parts of a request that matter; raises ValueError, msgspec.MsgspecError or RecursionError."""
    try:
        request: _Request = _decoder.decode(text)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # Triton takes NaN, Infinity and names that are not UTF-8
    else:
        # Of a field that comes twice Triton takes the first, and msgspec the last. A name may also be escaped.
        once = text.count(b'"shape"') == len(request.inputs) and text.count(b'"inputs"') == 1
        if once and b"\\" not in text:
            return request
    if len(text) > _SLOW_BYTES:
        raise ValueError(
            f"of more than {_SLOW_BYTES} bytes with escapes, NaN or repeated fields; send tensors in binary"
        )
    document = json.loads(
        text.decode("utf-8", "surrogateescape"), object_pairs_hook=functools.partial(_object, msgspec.Raw(text))
    )
    return msgspec.convert(document, _Request)


def _object(text: msgspec.Raw, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose data is of interest only for its length, which is that of the text at most."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field comes twice in one object")
    return found | {"data": text} if "data" in found else found
