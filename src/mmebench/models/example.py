"""Data that looks like what a model is made for, from the description of its inputs alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mmebench.formats.tensors import TensorSpec

Array = npt.NDArray[Any]


def example(tensors: Sequence[TensorSpec], batch: int, sequence_length: int, seed: int = 0) -> list[Array]:
    """One array a tensor, of shape ``(batch, *shape)`` with ``sequence_length`` where the shape varies.

    Rows of text have different lengths, as real text has; the first row is full. The same seed gives the same.
    """
    random = np.random.default_rng(seed)
    lengths = random.integers(1, sequence_length, size=batch, endpoint=True)
    lengths[:1] = sequence_length
    return [_fill(tensor, batch, sequence_length, lengths, random) for tensor in tensors]


def _fill(
    tensor: TensorSpec, batch: int, sequence_length: int, lengths: Array, random: np.random.Generator
) -> Array:
    shape = (batch, *(sequence_length if size == -1 else size for size in tensor.shape))
    values: Array
    match tensor.fill:
        case "normal":
            values = random.standard_normal(shape, dtype=np.float32)
        case "integers":
            values = tensor.token_ids(shape, lengths, random)
        case "lengths":
            values = np.broadcast_to(np.arange(shape[-1]), shape) < lengths.reshape(-1, *[1] * (len(shape) - 1))
        case "zeros":
            values = np.zeros(shape)
    return values.astype(tensor.numpy_dtype)
