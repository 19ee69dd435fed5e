"""The program that AOTInductor compiles elsewhere: what ``pt2`` is exported to first; no spec asks for it."""

from typing import ClassVar, Literal

from typing_extensions import override

from mmebench.spec.platforms.platform import PlatformSpec


class ExportedProgram(PlatformSpec):
    """A program of torch.export with all that compiles it; not served itself."""

    kind: Literal["exported"] = "exported"
    exporter: ClassVar[str] = "mmebench.models.platforms.exported_program"
    shrinks_by: ClassVar[tuple[str, str]] = ("CACHE_CLEANING_ENABLED", "true")

    @property
    @override
    def template(self) -> str:
        return "pt2"
