"""What every platform gives and shares: the exported model, ready to be compared and served."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmebench.errors import BadInputError, MmebenchError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.example import Array, example
from mmebench.models.model import Model
from mmebench.models.quiet import quiet
from mmebench.spec import FileModel, ModelSource, PlatformSpec

if TYPE_CHECKING:
    import torch

Run = Callable[[Sequence[Array]], list[Array]]
"""A model as a function of its inputs; both sides are in the order of the export's tensors, not of its file."""

LARGE = 200_000_000
"""Bytes of weights from which ONNX keeps them in a file of their own: it takes a fifth of the memory to write."""

WHOLE = "set max_batch_size: 0, and in model.inputs and model.outputs the whole shapes"
"""What to do with a file that takes no batches."""


@dataclass(frozen=True)
class Export:
    """A model in its served form, in files.

    ``inputs`` and ``outputs`` have the names that requests use. Their shapes leave the batch out, unless the
    served model has no batch dimension (``max_batch_size`` 0): then they are whole.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    run: Run
    """What was written, read back from its files."""
    reference: Run | None
    """What it must agree with; None for a file that is served as it was given."""
    details: dict[str, Any] = field(default_factory=dict)


def trace_example(model: Model, platform: PlatformSpec) -> "tuple[torch.Tensor, ...]":
    """Inputs to trace ``model`` with: two rows where batches are allowed, as one row is easily taken as fixed."""
    import torch

    batch = 2 if platform.max_batch_size > 0 else 1
    arrays = example(model.inputs, batch, min(16, model.max_sequence_length or 16))
    return tuple(torch.from_numpy(array) for array in arrays)


def dynamic_shapes(model: Model, platform: PlatformSpec) -> tuple[dict[int, Any], ...] | None:
    """Which dimensions of each input vary, and how far, as torch.export is told; None where none does."""
    from torch.export import Dim

    batch = Dim("batch", min=1, max=max(2, platform.max_batch_size)) if platform.max_batch_size > 0 else None
    # Without a longest length, absolute position embeddings cannot be exported.
    length = Dim("sequence", min=2, max=model.max_sequence_length or 512)
    shapes = []
    for tensor in model.inputs:
        dynamic: dict[int, Any] = {0: batch} if batch is not None else {}
        dynamic |= {position: length for position, size in enumerate(tensor.shape, start=1) if size == -1}
        shapes.append(dynamic)
    return tuple(shapes) if any(shapes) else None


def served(tensors: Sequence[TensorSpec], platform: PlatformSpec) -> tuple[TensorSpec, ...]:
    """The tensors of a module that always has a batch dimension: without batching it is 1, part of the shape."""
    if platform.max_batch_size > 0:
        return tuple(tensors)
    return tuple(tensor.model_copy(update={"shape": (1, *tensor.shape)}) for tensor in tensors)


def check_form(model: ModelSource, platform: PlatformSpec, forms: Sequence[str]) -> None:
    """Refuse a file that this platform cannot take.

    Raises:
        BadInputError: the file's form is not among ``forms``.
    """
    if isinstance(model, FileModel) and not model.path.name.endswith(tuple(forms)):
        raise BadInputError(
            f"platform {platform.kind} cannot serve {model.path.name}; it takes {' or '.join(forms)}, "
            "or a model of timm, torchvision or huggingface"
        )


@contextmanager
def exporting(what: str) -> Iterator[None]:
    """Hold back the exporter's chatter, and say which export failed and why.

    Raises:
        MmebenchError: in place of whatever the exporter raised, which stays its cause.
    """
    try:
        with quiet():
            yield
    except (MmebenchError, OSError):
        raise
    # Exporters and runtimes raise exceptions of many kinds without a common root; each becomes one clear error.
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise MmebenchError(f"{what} failed: {lines[0][:300]} ({type(error).__name__})") from error
