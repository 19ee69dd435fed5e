"""Models of the user's own, as a spec asks for them."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from mmebench.formats.tensors import TensorSpec
from mmebench.spec.sources.source import ModelSource, safe_name

FORMS = (".pt", ".onnx", ".tar.gz")


class FileModel(ModelSource):
    """A model of the user's own: TorchScript (.pt), ONNX (.onnx) or a ready Triton archive (.tar.gz)."""

    source: Literal["file"]
    path: Path
    inputs: tuple[TensorSpec, ...] = Field(min_length=1, description="as the model takes them, without batch")
    outputs: tuple[TensorSpec, ...] = Field(min_length=1, description="as the model gives them, without batch")

    loader: ClassVar[str] = "mmebench.models.sources.file"

    @property
    @override
    def is_ready_archive(self) -> bool:
        return self.path.name.endswith(".tar.gz")

    @property
    def form(self) -> str | None:
        """How its name ends, which says what it is; None for what nothing here serves."""
        return next((form for form in FORMS if self.path.name.endswith(form)), None)

    @property
    @override
    def label(self) -> str:
        return safe_name(self.path.name.removesuffix(self.form or ""))
