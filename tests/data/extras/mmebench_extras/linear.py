"""A source: one linear layer of any size, with random weights."""

from typing import ClassVar, Literal

from pydantic import Field

from mmebench.formats.tensors import TensorSpec
from mmebench.models.model import Model
from mmebench.spec.sources import ModelSource


class LinearModel(ModelSource):
    """So many numbers in, so many out."""

    source: Literal["linear"]
    width: int = Field(16, ge=1, le=4096)

    loader: ClassVar[str] = "mmebench_extras.linear"


def load(spec: LinearModel) -> Model:
    """The layer; libraries are imported where they are used."""
    import torch

    tensor = TensorSpec(name="x", datatype="FP32", shape=(spec.width,))
    module = torch.nn.Linear(spec.width, spec.width).eval()
    return Model(
        name=f"linear{spec.width}",
        source="linear",
        task="cv",
        module=module,
        inputs=(tensor,),
        outputs=(tensor.model_copy(update={"name": "y"}),),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        weights="random",
    )
