"""The check that an exported model computes what the model computes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from mmebench.errors import MmebenchError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.example import Array, example
from mmebench.models.platforms.export import Export, Run
from mmebench.spec import PlatformSpec

TOLERANCE = {"fp32": 1e-4, "fp16": 2e-2}
"""Largest difference relative to the largest output. Good exports are near 5e-6 and 2e-3, wrong ones near 1."""

_BATCHES = (1, 4, 8)
LENGTHS = (16, 128)
"""Of rows of text, for a model that takes any."""


class Parity(BaseModel):
    """How far the exported model is from eager PyTorch, the largest over all shapes and outputs tried.

    What a model computes at padding is nobody's result, and exporters differ there: it is left out.
    ``max_relative`` relates each difference to the largest absolute value of the eager output. ``shapes`` are
    those of the first input, batch included.
    """

    model_config = ConfigDict(frozen=True)

    max_absolute: float
    max_relative: float
    tolerance: float
    shapes: tuple[tuple[int, ...], ...]


def check_parity(
    export: Export,
    reference: Run,
    platform: PlatformSpec,
    max_sequence_length: int | None,
    lengths: Sequence[int] = LENGTHS,
) -> Parity:
    """Compare ``export`` with ``reference`` at several batch sizes and, for text, sequence lengths.

    Raises:
        MmebenchError: they differ by more than the tolerance of the precision, or in shape.
    """
    absolute = relative = 0.0
    tried = []
    for arrays in examples(export.inputs, platform, max_sequence_length, lengths):
        tried.append(arrays[0].shape)
        padding = _padding(export.inputs, arrays) if platform.max_batch_size > 0 else None
        for tensor, expected, got in zip(export.outputs, reference(arrays), export.run(arrays), strict=True):
            if got.shape != expected.shape:
                raise MmebenchError(
                    f"output {tensor.name} of the {platform.kind} export has shape {got.shape} where PyTorch "
                    f"gives {expected.shape}, for an input of {arrays[0].shape}"
                )
            if padding is not None:
                expected, got = (_without(padding, tensor, array) for array in (expected, got))
            difference, share = _difference(expected, got)
            absolute, relative = max(absolute, difference), max(relative, share)
    tolerance = TOLERANCE[platform.precision]
    if not relative <= tolerance:
        raise MmebenchError(
            f"the {platform.kind} export ({platform.precision}) differs from PyTorch by {absolute:.3g}, "
            f"{relative:.3g} of the largest output; allowed is {tolerance:g}. Tried input shapes: "
            f"{', '.join(str(shape) for shape in tried)}. Try another platform or precision: fp32"
        )
    return Parity(max_absolute=absolute, max_relative=relative, tolerance=tolerance, shapes=tuple(tried))


def examples(
    inputs: Sequence[TensorSpec],
    platform: PlatformSpec,
    max_sequence_length: int | None,
    lengths: Sequence[int] = LENGTHS,
) -> Iterator[list[Array]]:
    """Arrays for ``inputs`` in the shapes that are worth trying, as the served model takes them."""
    longest = max_sequence_length or max(lengths)
    for batch, length in _shapes(inputs, platform, [min(length, longest) for length in lengths]):
        arrays = example(inputs, batch, length, seed=batch)
        yield [array[0] for array in arrays] if platform.max_batch_size == 0 else arrays


def _shapes(
    inputs: Sequence[TensorSpec], platform: PlatformSpec, lengths: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Batch sizes and sequence lengths worth trying."""
    varies = any(-1 in tensor.shape for tensor in inputs)
    lengths = sorted(set(lengths)) if varies else [1]
    for batch in sorted({min(batch, max(platform.max_batch_size, 1)) for batch in _BATCHES}):
        for length in lengths:
            yield batch, length


class _Padding(NamedTuple):
    """Where rows of text are over: what the attention mask masks."""

    size: int
    """Of the dimension of tokens, as the mask's description has it: -1 where it varies."""
    after: Array
    """True at padding, ``(batch, length)``."""


def _padding(inputs: Sequence[TensorSpec], arrays: Sequence[Array]) -> _Padding | None:
    """From the first attention mask among the inputs; None where there is none."""
    for tensor, array in zip(inputs, arrays, strict=True):
        if tensor.fill == "lengths" and tensor.shape:
            return _Padding(tensor.shape[-1], array.reshape(len(array), -1, array.shape[-1])[:, 0] == 0)
    return None


def _without(padding: _Padding, tensor: TensorSpec, array: Array) -> Array:
    """``array`` with zeros at padding, along each dimension that is as long as the mask.

    A dimension of another meaning may have the same fixed size. The first row of an example is full, so that what
    stands there is compared all the same.
    """
    for axis, size in enumerate(tensor.shape, start=1):
        if size == padding.size and array.shape[axis] == padding.after.shape[1]:
            sizes = [1] * array.ndim
            sizes[0], sizes[axis] = padding.after.shape
            array = np.where(padding.after.reshape(sizes), array.dtype.type(0), array)
    return array


def _difference(expected: Array, got: Array) -> tuple[float, float]:
    """The largest absolute difference, and its share of the largest expected value; infinite where one is NaN."""
    largest = float(np.abs(expected).max(initial=0))
    difference = float(np.abs(expected.astype(np.float64) - got.astype(np.float64)).max(initial=0))
    if np.isnan(difference) or not np.isfinite(largest):
        return float("inf"), float("inf")
    return difference, difference / largest if largest else float("inf") if difference else 0.0
