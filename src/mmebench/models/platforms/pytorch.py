"""What is served by Triton's PyTorch backend, TorchScript and AOTInductor alike.

The backend knows tensors by position: names end in ``__`` and the position. Names of our own keep one rule for
images and text, so every package has ``INPUT__0``, ``INPUT__1``, … and ``OUTPUT__0``, …
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from tritonclient.utils import np_to_triton_dtype

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.example import Array, example
from mmebench.models.model import Model, ModelFile
from mmebench.models.platforms.export import WHOLE, Export, Run, served
from mmebench.models.quiet import quiet
from mmebench.spec import PlatformSpec


class HalfPrecision(torch.nn.Module):
    """A module that computes in 16 bits and keeps its inputs and outputs in 32, so that requests do not change."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).half()

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Like the module itself."""
        result = self.module(*(tensor.half() if tensor.is_floating_point() else tensor for tensor in tensors))
        return tuple(tensor.float() for tensor in result) if isinstance(result, tuple) else result.float()


def exported(model: Model, platform: PlatformSpec, run: Run, details: dict[str, Any]) -> Export:
    """What was made of ``model``, which it must agree with."""
    inputs, outputs = served(model.inputs, platform), served(model.outputs, platform)
    return _numbered(inputs, outputs, run, model.run, details)


def adopted(
    file: ModelFile,
    platform: PlatformSpec,
    open_file: Callable[[], Run],
    details: dict[str, Any],
    form: str,
    how: str,
) -> Export:
    """The user's file, if it takes and gives what the spec says; it is run once to know.

    Args:
        file: with what the spec says of it.
        platform: likewise.
        open_file: gives what runs it.
        details: of the export.
        form: what it should be: ``TorchScript``.
        how: to write one.

    Raises:
        BadInputError: it does not.
    """
    rows = min(2, platform.max_batch_size)
    arrays = example(file.inputs, max(rows, 1), file.sequence_length)
    try:
        with quiet():
            run = open_file()
            results = run(arrays if rows else [array[0] for array in arrays])
    except BadInputError as error:
        raise BadInputError(f"{file.path.name}: {error}") from None
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
        shown = ", ".join(f"{tensor.name} {tensor.datatype} {list(tensor.shape)}" for tensor in file.inputs)
        raise BadInputError(
            f"{file.path}: not {form} that takes {shown}{f' in a batch of {rows}' if rows else ''} "
            f"({str(error).strip().splitlines()[-1][:300]}); {how}, and name its inputs in order"
        ) from error
    _check_outputs(file, results, rows)
    return _numbered(file.inputs, file.outputs, run, None, details)


def refuse_halving(file: ModelFile, platform: PlatformSpec) -> None:
    """A file of the user's is what it is.

    Raises:
        BadInputError: the spec asks for less precision.
    """
    if platform.precision == "fp16":
        raise BadInputError(f"{file.path.name} is served in the precision it has; leave precision out")


def _numbered(
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    run: Run,
    reference: Run | None,
    details: dict[str, Any],
) -> Export:
    names = {"tensors": [tensor.name for tensor in (*inputs, *outputs)]}
    return Export(_named("INPUT", inputs), _named("OUTPUT", outputs), run, reference, names | details)


def _named(role: str, tensors: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    return tuple(tensor.model_copy(update={"name": f"{role}__{i}"}) for i, tensor in enumerate(tensors))


def _check_outputs(file: ModelFile, results: Sequence[Array], rows: int) -> None:
    """Hold what the file gave for so many rows (0: it takes no batches) against what the spec says."""
    shapes = [result.shape[1 if rows else 0 :] for result in results]
    given = [
        f"{np_to_triton_dtype(result.dtype)} {list(shape)}" for result, shape in zip(results, shapes, strict=True)
    ]
    if rows and any(result.shape[:1] != (rows,) for result in results):
        whole = [list(result.shape) for result in results]
        raise BadInputError(f"{file.path.name}: for a batch of {rows} it gives {whole}; {WHOLE}")
    if len(results) != len(file.outputs) or not all(
        tensor.numpy_dtype == result.dtype and _fits(tensor.shape, shape)
        for tensor, result, shape in zip(file.outputs, results, shapes, strict=True)
    ):
        said = [f"{tensor.datatype} {list(tensor.shape)}" for tensor in file.outputs]
        raise BadInputError(f"{file.path.name}: model.outputs says {', '.join(said)}; it gives {', '.join(given)}")


def _fits(said: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(said) == len(shape) and all(ours in (-1, theirs) for ours, theirs in zip(said, shape, strict=True))
