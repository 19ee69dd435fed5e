"""Tensors in the bodies of the v2 protocol, JSON and binary, for the Python fallback.

The protocol: KServe's "predict protocol version 2" with Triton's binary tensor data extension.
"""

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

DTYPES: dict[str, Any] = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "FP16": np.float16,
    "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_,
}  # fmt: skip
_JSON_TYPES: dict[str, type] = {"b": bool, "f": float, "O": str}
"""What JSON must have for a kind of NumPy's types; the others take whole numbers."""
_NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}


class RequestError(ValueError):
    """The body does not follow the protocol; the message is for the client."""


@dataclass(frozen=True)
class InferRequest:
    """A decoded request."""

    inputs: dict[str, Array]
    outputs: dict[str, bool] | None
    """The outputs asked for and whether each is wanted as binary; None: all of them."""
    binary: bool
    """Whether outputs are wanted as binary unless they say otherwise."""
    id: str = ""
    """What the answer repeats, if it is not empty."""


def decode(body: bytes, header_length: int | None) -> InferRequest:
    """Read a request whose first ``header_length`` bytes are JSON (None: all of them)."""
    size = len(body) if header_length is None else header_length
    try:
        header = json.loads(body[:size])
        identifier, parameters = header.get("id", ""), header.get("parameters", {})
        if not isinstance(identifier, str):
            raise RequestError(f"id is {identifier!r}; it must be a string")
        _check_parameters(parameters)
        default = _is_true(parameters, "binary_data_output", otherwise=False)
        outputs = header.get("outputs")
        rest = memoryview(body)[size:]
        inputs = {}
        endless = b"Infinity" in body[:size]
        for item in header["inputs"]:
            if item["name"] in inputs:
                raise RequestError(f"input {item['name']} comes twice")
            count = item.get("parameters", {}).get("binary_data_size", 0)
            inputs[item["name"]] = _read(item, rest[:count] if "data" not in item else None, endless)
            rest = rest[count:]
        if rest:
            raise RequestError(f"{len(rest)} bytes of tensors belong to no input")
        wanted = outputs and {
            item["name"]: _is_true(item.get("parameters", {}), "binary_data", otherwise=default)
            for item in outputs
        }
    except RequestError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise RequestError(f"failed to parse the request: {type(error).__name__}: {error}") from error
    return InferRequest(inputs, wanted or None, default, identifier)


def decode_raw(body: bytes, config: Mapping[str, Any]) -> InferRequest:
    """Read a request without JSON: the bytes of the model's only input, one row of it. The answer is binary."""
    inputs = config.get("input", ())
    if len(inputs) != 1:
        raise RequestError(f"a request without JSON is for a model of one input; this one has {len(inputs)}")
    datatype = inputs[0]["data_type"].removeprefix("TYPE_").replace("STRING", "BYTES")
    shape = [int(size) for size in inputs[0]["dims"]]
    if -1 in shape:
        raise RequestError(f"a request without JSON has no shape, and the model takes {shape}")
    shape = [1, *shape] if config.get("max_batch_size", 0) else shape
    if datatype == "BYTES":
        array = np.array([body], dtype=np.object_)
    elif len(body) == math.prod(shape) * np.dtype(DTYPES[datatype]).itemsize:
        array = np.frombuffer(body, dtype=DTYPES[datatype])
    else:
        raise RequestError(f"{len(body)} bytes are not one row of {inputs[0]['name']}: {shape} {datatype}")
    if array.size != math.prod(shape):
        raise RequestError(f"a request without JSON is one string; the model takes {shape}")
    return InferRequest({inputs[0]["name"]: array.reshape(shape)}, None, binary=True)


def encode(model: str, results: Mapping[str, Array], request: InferRequest) -> tuple[bytes, int | None]:
    """The body of an answer, and the length of its JSON part when anything in it is binary."""
    wanted = request.outputs or dict.fromkeys(results, request.binary)
    unknown = sorted(set(wanted) - set(results))
    if unknown:
        raise RequestError(f"unexpected inference output {', '.join(unknown)} for model '{model}'")
    described: list[dict[str, Any]] = []
    binary: list[bytes] = []
    for name, as_binary in wanted.items():
        array = results[name]
        item: dict[str, Any] = {"name": name, "datatype": _NAMES[_dtype(array)], "shape": list(array.shape)}
        if as_binary:
            binary.append(_to_bytes(array))
            item["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            item["data"] = [_text(value) for value in array.ravel().tolist()]
        described.append(item)
    repeated = {"id": request.id} if request.id else {}
    answer = repeated | {"model_name": model, "model_version": "1", "outputs": described}
    header = json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()
    return b"".join([header, *binary]), len(header) if any(wanted.values()) else None


def check(config: Mapping[str, Any], inputs: Mapping[str, Array]) -> None:
    """Hold a request against the model's configuration, as Triton does.

    Raises:
        RequestError: an input is missing, unknown, or of the wrong type or shape.
    """
    known = {item["name"]: item for item in config.get("input", ())}
    unknown = sorted(set(inputs) - set(known))
    missing = sorted(name for name, item in known.items() if name not in inputs and not item.get("optional"))
    if unknown or missing:
        raise RequestError(
            f"unexpected inputs {unknown}, missing inputs {missing}; the model takes {sorted(known)}"
        )
    batch = config.get("max_batch_size", 0)
    for name, array in inputs.items():
        datatype = "TYPE_" + _NAMES[_dtype(array)].replace("BYTES", "STRING")
        if datatype != known[name]["data_type"]:
            raise RequestError(f"input {name} is {datatype}; the model takes {known[name]['data_type']}")
        dims = [int(size) for size in known[name]["dims"]]
        rows, shape = (array.shape[:1], array.shape[1:]) if batch else ((), array.shape)
        fits = len(shape) == len(dims) and all(d in (-1, s) for s, d in zip(shape, dims, strict=True))
        if not fits or any(not 0 < count <= batch for count in rows):
            wanted = [f"1..{batch}", *dims] if batch else dims
            raise RequestError(f"input {name} has shape {list(array.shape)}; the model takes {wanted}")
    batches = {array.shape[0] for array in inputs.values()} if batch else ()
    if len(batches) > 1:
        raise RequestError(f"inputs have batches of {sorted(batches)}; a request has one")


_FLAGS = ("binary_data_output", "sequence_start", "sequence_end")
_COUNTS = ("priority", "timeout")


def _check_parameters(parameters: Any) -> None:
    """What Triton refuses of a request's parameters, which mean nothing to models here."""
    if not isinstance(parameters, dict):
        raise RequestError("the parameters of a request must be an object")
    for name, value in parameters.items():
        if name in _FLAGS:
            _is_true(parameters, name, otherwise=False)
        if name in _COUNTS and not (type(value) is int and value >= 0):
            raise RequestError(f"parameter {name} is {value!r}; it must be a whole number, 0 or more")
        if name == "sequence_id" and not (isinstance(value, str) or (type(value) is int and value >= 0)):
            raise RequestError(f"parameter sequence_id is {value!r}; it must be a string or a whole number")
        if name.startswith("triton_"):
            raise RequestError(f"parameter {name}: names that begin with triton_ are Triton's own")
        if not isinstance(value, str | int | float):
            raise RequestError(f"parameter {name} is {value!r}; it must be a number, a string, true or false")


def _is_true(parameters: Mapping[str, Any], name: str, *, otherwise: bool) -> bool:
    value = parameters.get(name, otherwise)
    if not isinstance(value, bool):
        raise RequestError(f"{name} is {value!r}; it must be true or false")
    return value


def _read(item: dict[str, Any], binary: memoryview | None, endless: bool) -> Array:
    """One input, from its bytes or, when there are none, from its JSON data.

    ``endless``: whether the JSON says Infinity; else only a number that is too large is infinite.
    """
    datatype, shape = item["datatype"], tuple(item["shape"])
    if datatype not in DTYPES:
        raise RequestError(f"input {item['name']}: unknown datatype {datatype}; known: {', '.join(DTYPES)}")
    if binary is None:
        if datatype == "FP16":
            raise RequestError("sending FP16 data via JSON is not supported; use the binary form")
        values = list(_flat(item["data"]))
        wanted = _JSON_TYPES.get(np.dtype(DTYPES[datatype]).kind, int)
        if not {type(value) for value in values} <= ({int, float} if wanted is float else {wanted}):
            raise RequestError(f"input {item['name']}: its data is not all {datatype}")
        if wanted is float and not endless and np.isinf(np.array(values, np.float64)).any():
            raise RequestError(f"input {item['name']}: a number is too big to be stored as a double")
        array = np.array([value.encode() for value in values] if wanted is str else values, dtype=DTYPES[datatype])
    elif datatype == "BYTES":
        array = np.array(list(_strings(binary)), dtype=np.object_)
    else:
        array = np.frombuffer(binary, dtype=DTYPES[datatype])
    if array.size != math.prod(shape):
        raise RequestError(f"input {item['name']}: {array.size} elements do not fill the shape {list(shape)}")
    return array.reshape(shape)


def _flat(data: Any) -> Iterator[Any]:
    if isinstance(data, list):
        for value in data:
            yield from _flat(value)
    else:
        yield data


def _strings(data: memoryview) -> Iterator[bytes]:
    """Each behind its length in four bytes."""
    while data:
        (length,) = struct.unpack_from("<I", data)
        if length > len(data) - 4:
            raise RequestError(f"a string of {length} bytes has only {len(data) - 4}")
        yield bytes(data[4 : 4 + length])
        data = data[4 + length :]


def _dtype(array: Array) -> np.dtype[Any]:
    return np.dtype(np.object_) if array.dtype.kind in "OSU" else array.dtype


def _to_bytes(array: Array) -> bytes:
    if array.dtype.kind not in "OSU":
        return array.tobytes()
    encoded = [value.encode() if isinstance(value, str) else bytes(value) for value in array.ravel().tolist()]
    return b"".join(struct.pack("<I", len(value)) + value for value in encoded)


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
