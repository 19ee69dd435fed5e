"""A model as a source gives it: a module in eval mode, and what goes in and comes out."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mmebench.formats.tensors import TensorSpec

if TYPE_CHECKING:
    import torch

    from mmebench.models.example import Array

Task = Literal["cv", "nlp"]


@dataclass(frozen=True)
class Model:
    """A PyTorch model that platforms can export.

    ``module`` is in eval mode; it takes its tensors by position, in the order of ``inputs``, and gives one tensor,
    or a tuple of tensors in the order of ``outputs``. The first dimension of each is the batch.
    """

    name: str
    """Safe as the name of a file or folder."""
    source: str
    task: Task
    module: "torch.nn.Module"
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    parameters: int
    weights: str
    """Where they come from: ``pretrained (…)``, ``random (seed 0)`` or ``checkpoint …``."""
    max_sequence_length: int | None = None
    """Most tokens in a row of text; None for images."""
    attention_written_out: Callable[[], AbstractContextManager[object]] = nullcontext
    """While it holds, attention that may mask a row whole, or adds a bias, is made of plain products, as not every
    exporter and runtime takes that in one piece."""

    def run(self, arrays: "Sequence[Array]") -> "list[Array]":
        """The eager outputs for the inputs, both in order."""
        import torch

        with torch.inference_mode():
            result = self.module(*(torch.from_numpy(array) for array in arrays))
        return [tensor.numpy() for tensor in (result if isinstance(result, tuple) else (result,))]


@dataclass(frozen=True)
class ModelFile:
    """A model of the user's own that is already in the form that a platform serves, or nearly so."""

    name: str
    path: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    sequence_length: int = 16
    """What each -1 in the shapes of inputs is when the file is tried: what requests will have."""

    source = "file"

    @property
    def form(self) -> str:
        """``.pt``, ``.pt2``, ``.onnx`` or ``.tar.gz``."""
        return ".tar.gz" if self.path.name.endswith(".tar.gz") else self.path.suffix

    @property
    def task(self) -> Task:
        """Text when the length of an input varies, or a whole number goes in; images otherwise."""
        text = any(-1 in tensor.shape or tensor.fill == "integers" for tensor in self.inputs)
        return "nlp" if text else "cv"
