"""Models of torchvision, as a spec asks for them."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from mmebench.spec.sources.source import ModelSource, safe_name


class TorchvisionModel(ModelSource):
    """A classification model of torchvision, by its name there."""

    source: Literal["torchvision"]
    name: str = Field(description="as torchvision lists it, e.g. resnet50", examples=["resnet50"])
    weights: str = Field("pretrained", description="pretrained, random, or the path of a checkpoint")
    num_classes: int | None = Field(None, ge=1, description="null: as many as the weights have")

    loader: ClassVar[str] = "mmebench.models.sources.torchvision"

    @property
    @override
    def label(self) -> str:
        return safe_name(self.name)

    @model_validator(mode="after")
    def _pretrained_have_their_own(self) -> Self:
        if self.weights == "pretrained" and self.num_classes is not None:
            raise ValueError(
                f"got num_classes {self.num_classes} and weights pretrained, which have classes of their own; "
                "leave num_classes out, or set weights: random or the path of a checkpoint"
            )
        return self
