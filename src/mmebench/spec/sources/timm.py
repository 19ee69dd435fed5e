"""Models of timm, as a spec asks for them."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from mmebench.spec.sources.source import ModelSource, safe_name


class TimmModel(ModelSource):
    """An image model of timm, by its name there."""

    source: Literal["timm"]
    name: str = Field(description="as timm lists it, e.g. resnet50 or vit_base_patch16_224", examples=["resnet50"])
    weights: str = Field("pretrained", description="pretrained, random, or the path of a checkpoint")
    num_classes: int | None = Field(
        None, ge=0, description="null: as many as the weights have; 0: no classifier, the features before it"
    )

    loader: ClassVar[str] = "mmebench.models.sources.timm"

    @property
    @override
    def label(self) -> str:
        return safe_name(self.name)
