"""The bodies of requests, made from what the model takes; no model, no network, the same for the same seed."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmebench.environment import host_memory
from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.spec import Payload
from mmebench.units import human_bytes

Arrays = list[npt.NDArray[np.generic]]


class Body(NamedTuple):
    """A request body and the content type that tells the endpoint how to read it."""

    content: bytes
    content_type: str


def make_bodies(inputs: tuple[TensorSpec, ...], payload: Payload, max_batch_size: int) -> tuple[Body, ...]:
    """The pool of bodies that requests carry; the first is :func:`make_body`'s.

    Raises:
        BadInputError: an image, text or file that the payload names cannot be used.
    """
    if payload.file is not None:
        return (Body(read_body(payload.file), payload.content_type or "application/octet-stream"),)
    return tuple(
        encode(inputs, make_arrays(inputs, payload, number), payload, max_batch_size)
        for number in range(payload.pool)
    )


def read_body(path: Path) -> bytes:
    """A body from a file, as it is.

    Raises:
        BadInputError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}; give the file of one request's body") from None


def check_files(payload: Payload) -> None:
    """Refuse files that cannot be used, whatever the model takes.

    Raises:
        BadInputError: an image, a tokenizer or a body cannot be read.
    """
    if payload.image is not None:
        from mmebench.load.payload.image import check_image

        check_image(payload.image)
    if payload.text is not None:
        from mmebench.load.payload.text import check_texts

        check_texts(payload)
    if payload.file is not None:
        read_body(payload.file)


def check_room(inputs: tuple[TensorSpec, ...], payload: Payload) -> None:
    """Refuse bodies that this machine could not even make.

    Raises:
        BadInputError: all together they take more memory than there is.
    """
    if payload.file is not None:
        return
    rows = [
        math.prod(payload.sequence_length if size == -1 else size for size in spec.dims)
        * spec.numpy_dtype.itemsize
        for spec in inputs
    ]
    needed, there = sum(rows) * payload.batch * payload.pool, host_memory()
    if needed > there:
        raise BadInputError(
            f"workload.payload: got {payload.pool} bodies of {human_bytes(needed / payload.pool)}; allowed: "
            f"together less than the {human_bytes(there)} of this machine's memory; lower pool, batch or "
            "sequence_length"
        )


def make_body(inputs: tuple[TensorSpec, ...], payload: Payload, max_batch_size: int) -> Body:
    """One inference request, the first of the pool; see :func:`encode`."""
    return make_bodies(inputs, payload.model_copy(update={"pool": 1}), max_batch_size)[0]


def encode(inputs: tuple[TensorSpec, ...], arrays: Arrays, payload: Payload, max_batch_size: int) -> Body:
    """One inference request of the KServe v2 protocol, as Triton behind SageMaker takes it.

    Nothing names its outputs, so that Triton answers with all of them, in the encoding of the request.

    Args:
        inputs: what the model takes.
        arrays: one an input, ``(batch, *shape)``.
        payload: with the encoding.
        max_batch_size: the served model's; where it is 0 the shapes of ``inputs`` are whole, and no batch
            dimension is put before them.

    Raises:
        BadInputError: an input has no form in that encoding.
    """
    named = [(spec, data[0] if max_batch_size == 0 else data) for spec, data in zip(inputs, arrays, strict=True)]
    return _json(named) if payload.encoding == "json" else _binary(named)


def _json(tensors: Sequence[tuple[TensorSpec, npt.NDArray[np.generic]]]) -> Body:
    """Not by tritonclient, whose every request without a list of outputs asks for a binary answer."""
    asked = []
    for spec, data in tensors:
        if spec.datatype == "FP16":
            raise BadInputError(
                f"workload.payload.encoding: got json, in which input {spec.name} of FP16 cannot be written "
                "(KServe v2 protocol, binary tensor data extension); use encoding: binary"
            )
        values = data.ravel().tolist()
        if spec.datatype == "BYTES":
            values = [value.decode() if isinstance(value, bytes) else str(value) for value in values]
        asked.append({"name": spec.name, "shape": data.shape, "datatype": spec.datatype, "data": values})
    return Body(json.dumps({"inputs": asked}, separators=(",", ":")).encode(), "application/json")


def _binary(tensors: Sequence[tuple[TensorSpec, npt.NDArray[np.generic]]]) -> Body:
    """Its answer is binary as well."""
    from tritonclient.http import InferenceServerClient, InferInput

    asked = []
    for spec, data in tensors:
        asked.append(InferInput(spec.name, list(data.shape), spec.datatype))
        asked[-1].set_data_from_numpy(data, binary_data=True)
    content, header_size = InferenceServerClient.generate_request_body(asked)
    return Body(content, f"application/vnd.sagemaker-triton.binary+json;json-header-size={header_size}")


def make_arrays(inputs: tuple[TensorSpec, ...], payload: Payload, number: int = 0) -> Arrays:
    """One array an input, ``(batch, *shape)``, for body ``number`` of the pool.

    From an image or from texts where the payload has them, else filled as :class:`TensorSpec` says. A dimension
    that varies is as long as the longest row; rows differ in length, as text does.

    Raises:
        BadInputError: the image or the texts do not suit the inputs.
    """
    if payload.image is not None:
        from mmebench.load.payload.image import read_image

        return [np.repeat(read_image(payload.image, inputs)[np.newaxis], payload.batch, axis=0)]
    if payload.text is not None:
        from mmebench.load.payload.text import tokenize

        return tokenize(payload, inputs, number)
    random = np.random.default_rng(payload.seed if number == 0 else (payload.seed, number))
    lengths = row_lengths(payload, random)
    return [_fill(spec, payload, lengths, random) for spec in inputs]


def row_lengths(payload: Payload, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Tokens in each row of a batch.

    ``constant``: the first is full, so that the padded length is what was asked for, and each other one is drawn
    from half to full. ``lognormal``: the logarithm of a length is normal, as for the length of sentences and
    messages (Sobkowicz et al. 2013, "Lognormal distributions of user post lengths"): half the rows are no longer
    than a quarter of the most, one in seven more than twice that; none exceeds the most.
    """
    most = payload.sequence_length
    if payload.lengths == "lognormal":
        drawn = random.lognormal(np.log(max(most / 4, 1)), 0.65, payload.batch)
        return np.array(np.clip(np.rint(drawn), min(2, most), most), np.int64)
    lengths = random.integers(most // 2, most + 1, payload.batch)
    lengths[0] = most
    return lengths


def _fill(
    spec: TensorSpec, payload: Payload, lengths: npt.NDArray[np.int64], random: np.random.Generator
) -> npt.NDArray[np.generic]:
    shape = (payload.batch, *(int(lengths.max()) if size == -1 else size for size in spec.dims))
    datatype = spec.numpy_dtype
    match spec.fill:
        case "normal" if spec.datatype == "UINT8":  # a picture before it is normalised
            return random.integers(0, 256, shape, np.uint8)
        case "normal":
            return random.standard_normal(shape, dtype=np.float32).astype(datatype)
        case "integers":
            return spec.token_ids(shape, lengths, random).astype(datatype)
        case "lengths":
            rows = lengths.reshape(-1, *[1] * (len(shape) - 1))
            return np.broadcast_to(np.arange(shape[-1]) < rows, shape).astype(datatype)
        case "zeros":
            return np.zeros(shape, datatype)
