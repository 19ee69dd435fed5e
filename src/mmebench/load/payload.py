"""The body of a request, made from what the model takes; no model, no network, the same for the same seed."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmebench.spec import Payload
from mmebench.tensors import TensorSpec


class Body(NamedTuple):
    """A request body and the content type that tells the endpoint how to read it."""

    content: bytes
    content_type: str


def make_body(inputs: tuple[TensorSpec, ...], payload: Payload, max_batch_size: int) -> Body:
    """One inference request of the KServe v2 protocol, as Triton behind SageMaker takes it.

    ``max_batch_size`` is the served model's; where it is 0 the shapes of ``inputs`` are whole, and no batch
    dimension is put before them.
    """
    from tritonclient.http import InferenceServerClient, InferInput

    tensors = []
    for spec, data in zip(inputs, make_arrays(inputs, payload), strict=True):
        if max_batch_size == 0:
            data = data[0]
        tensor = InferInput(spec.name, list(data.shape), spec.datatype)
        tensor.set_data_from_numpy(data, binary_data=payload.encoding == "binary")
        tensors.append(tensor)
    # Without a list of outputs, Triton answers with all of them, in the encoding of the request.
    content, header_size = InferenceServerClient.generate_request_body(tensors)
    if payload.encoding == "json":
        return Body(content, "application/json")
    return Body(content, f"application/vnd.sagemaker-triton.binary+json;json-header-size={header_size}")


def make_arrays(inputs: tuple[TensorSpec, ...], payload: Payload) -> list[npt.NDArray[np.generic]]:
    """One array an input, ``(batch, *shape)``, filled as :class:`TensorSpec` says.

    A dimension that varies gets ``payload.sequence_length``. Rows differ in length, as text does: the first is
    full, so that the padded length is what was asked for, and each other one is drawn from half to full.
    """
    random = np.random.default_rng(payload.seed)
    lengths = random.integers(payload.sequence_length // 2, payload.sequence_length + 1, payload.batch)
    lengths[0] = payload.sequence_length
    return [_fill(spec, payload, lengths, random) for spec in inputs]


def _fill(
    spec: TensorSpec, payload: Payload, lengths: npt.NDArray[np.int64], random: np.random.Generator
) -> npt.NDArray[np.generic]:
    shape = (payload.batch, *(payload.sequence_length if size == -1 else size for size in spec.shape))
    datatype = spec.numpy_dtype
    match spec.fill:
        case "normal":
            return random.standard_normal(shape, dtype=np.float32).astype(datatype)
        case "integers":
            return random.integers(spec.low, spec.high, shape).astype(datatype)
        case "lengths":
            rows = lengths.reshape(-1, *[1] * (len(shape) - 1))
            return np.broadcast_to(np.arange(shape[-1]) < rows, shape).astype(datatype)
        case "zeros":
            return np.zeros(shape, datatype)
