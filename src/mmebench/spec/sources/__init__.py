"""Where models come from: a file for each source."""

from typing import Annotated

from mmebench.spec.kinds import Kinds
from mmebench.spec.sources.file import FileModel
from mmebench.spec.sources.huggingface import HuggingFaceModel
from mmebench.spec.sources.source import ModelSource
from mmebench.spec.sources.timm import TimmModel
from mmebench.spec.sources.torchvision import TorchvisionModel

SOURCES = Kinds[ModelSource](
    "sources",
    TimmModel,
    TorchvisionModel,
    HuggingFaceModel,
    FileModel,
    tag="source",
    example={"source": "timm", "name": "resnet50"},
)

AnyModel = Annotated[ModelSource, SOURCES]

__all__ = ["SOURCES", "AnyModel", "FileModel", "HuggingFaceModel", "ModelSource", "TimmModel", "TorchvisionModel"]
