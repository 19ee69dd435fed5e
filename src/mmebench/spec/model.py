"""Which model: where it comes from and its name there."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmebench.formats.tensors import TensorSpec
from mmebench.spec.strict import Strict


class TimmModel(Strict):
    """An image model of timm, by its name there."""

    source: Literal["timm"]
    name: str = Field(description="as timm lists it, e.g. resnet50 or vit_base_patch16_224")
    weights: str = Field("pretrained", description="pretrained, random, or the path of a checkpoint")
    num_classes: int | None = Field(
        None, ge=0, description="null: as many as the weights have; 0: no classifier, the features before it"
    )


class TorchvisionModel(Strict):
    """A classification model of torchvision, by its name there."""

    source: Literal["torchvision"]
    name: str = Field(description="as torchvision lists it, e.g. resnet50")
    weights: str = Field("pretrained", description="pretrained, random, or the path of a checkpoint")
    num_classes: int | None = Field(None, ge=1, description="null: as many as the weights have")

    @model_validator(mode="after")
    def _pretrained_have_their_own(self) -> Self:
        if self.weights == "pretrained" and self.num_classes is not None:
            raise ValueError(
                f"got num_classes {self.num_classes} and weights pretrained, which have classes of their own; "
                "leave num_classes out, or set weights: random or the path of a checkpoint"
            )
        return self


class HuggingFaceModel(Strict):
    """A text encoder or sequence classifier of the Hugging Face hub or of a local folder."""

    source: Literal["huggingface"]
    name: str = Field(description="a hub name, e.g. bert-base-uncased, or a folder with config.json")
    weights: str = Field("pretrained", description="pretrained, random, or the folder that holds them")
    task: Literal["encoder", "sequence-classification"] = Field(
        "encoder", description="the hidden states (AutoModel), or a classification head on top"
    )


class FileModel(Strict):
    """A model of the user's own: TorchScript (.pt), ONNX (.onnx) or a ready Triton archive (.tar.gz)."""

    source: Literal["file"]
    path: Path
    inputs: tuple[TensorSpec, ...] = Field(min_length=1, description="as the model takes them, without batch")
    outputs: tuple[TensorSpec, ...] = Field(min_length=1, description="as the model gives them, without batch")


def is_ready_archive(model: "ModelSpec") -> bool:
    """Whether it is an archive that Triton loads as it is, and whose own config decides how it is served."""
    return isinstance(model, FileModel) and model.path.name.endswith(".tar.gz")


ModelSpec = Annotated[TimmModel | TorchvisionModel | HuggingFaceModel | FileModel, Field(discriminator="source")]
