"""Models of the Hugging Face hub, as a spec asks for them."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from mmebench.spec.sources.source import ModelSource, safe_name


class HuggingFaceModel(ModelSource):
    """A text or image model of the Hugging Face hub or of a local folder."""

    source: Literal["huggingface"]
    name: str = Field(description="a hub name, e.g. bert-base-uncased, or a folder with config.json")
    weights: str = Field("pretrained", description="pretrained, random, or the folder that holds them")
    task: Literal["encoder", "sequence-classification", "image-classification"] = Field(
        "encoder",
        description="the hidden states (AutoModel), of a model of images and texts those of images, or a "
        "classification head on top",
    )

    loader: ClassVar[str] = "mmebench.models.sources.huggingface"

    @property
    @override
    def label(self) -> str:
        return safe_name(Path(self.name).resolve().name if Path(self.name).is_dir() else self.name)
