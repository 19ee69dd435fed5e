"""A package: one model exported to one platform, as an archive that Triton loads, and the record of how."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from mmebench.tensors import TensorSpec


class Parity(BaseModel):
    """How far the exported model is from eager PyTorch, the largest over all shapes and outputs tried.

    ``max_relative`` is ``max_absolute`` over the largest absolute value of the eager output.
    """

    model_config = ConfigDict(frozen=True)

    max_absolute: float
    max_relative: float
    tolerance: float
    shapes: tuple[tuple[int, ...], ...]


class Package(BaseModel):
    """What an archive holds; written beside it as JSON, so that later steps need neither torch nor the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    source: str
    task: Literal["cv", "nlp"]
    platform: str
    precision: str
    weights: str
    parameters: int | None
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    max_batch_size: int
    archive: Path
    sha256: str
    parity: Parity | None
    details: dict[str, Any]
    """What else the export knows: opset, library versions, seconds it took."""
