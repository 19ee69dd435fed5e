"""Models of the user's own, as a spec asks for them."""

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from typing_extensions import override

from mmebench.formats.tensors import TensorSpec
from mmebench.spec.sources.source import ModelSource, safe_name

_ARCHIVES_SAY_IT: dict[str, Any] = {
    "if": {"properties": {"path": {"pattern": r"\.tar\.gz$"}}},
    "else": {
        "required": ["inputs", "outputs"],
        "properties": {"inputs": {"minItems": 1}, "outputs": {"minItems": 1}},
    },
}

FORMS = (".pt", ".pt2", ".onnx", ".tar.gz")


class FileModel(ModelSource):
    """A model of the user's own: TorchScript (.pt), AOTInductor's package (.pt2), ONNX (.onnx) or a ready Triton
    archive (.tar.gz).

    An archive says itself what goes in and what comes out, and may leave out both.
    """

    source: Literal["file"]
    path: Path
    inputs: tuple[TensorSpec, ...] = Field((), description="as the model takes them, without batch")
    outputs: tuple[TensorSpec, ...] = Field((), description="as the model gives them, without batch")

    model_config = ConfigDict(json_schema_extra=_ARCHIVES_SAY_IT)

    loader: ClassVar[str] = "mmebench.models.sources.file"

    @model_validator(mode="after")
    def _only_archives_describe_themselves(self) -> Self:
        for field in ("inputs", "outputs"):
            if not getattr(self, field) and not self.is_ready_archive:
                what = "got none; allowed: 1 or more" if field in self.model_fields_set else "missing"
                raise ValueError(f"{field}: {what}; add it: {type(self).model_fields[field].description}")
        return self

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
