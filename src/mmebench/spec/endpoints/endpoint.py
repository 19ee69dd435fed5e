"""What every kind of endpoint is that a benchmark starts."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, WithJsonSchema

from mmebench.spec.platforms.platform import PlatformSpec
from mmebench.spec.strict import Strict

PROFILE = r"^[^\s\[\]]+( [^\s\[\]]+)*$"
"""What the name of a profile looks like in ~/.aws/config."""


def _as_text(value: Any) -> Any:
    """A number as it is written; of true and false nobody knows how a container has them."""
    if isinstance(value, bool):
        raise ValueError(
            f"got {str(value).lower()}; allowed: text or a number; write it in quotes, as the container reads it"
        )
    return str(value) if isinstance(value, int | float) else value


_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
VariableName = Annotated[
    str,
    Field(pattern=_NAME),
    WithJsonSchema(
        {"type": "string", "pattern": _NAME, "format": "variable name", "examples": ["OMP_NUM_THREADS"]}
    ),
]
VariableValue = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(max_length=1024, pattern=r"^[^\x00]*$"),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": 1024}, {"type": "number"}], "examples": ["2"]}),
]


class ServedEndpoint(Strict):
    """An endpoint that is started for a benchmark and taken down after it."""

    kind: str
    opener: ClassVar[str]
    """``module:Class`` of the :class:`~mmebench.endpoints.opener.Opener`, imported when an endpoint is opened."""
    beside: ClassVar[frozenset[str]] = frozenset()
    """Fields that change nothing of what is measured."""

    environment: dict[VariableName, VariableValue] = Field(
        {},
        max_length=100,
        description="variables of the container; no secrets: results have them",
        examples=[{"OMP_NUM_THREADS": "2"}],
    )

    @property
    def instance_type(self) -> str | None:
        """Of each instance; None where there is one kind of machine only."""
        return None

    @property
    def all_instances(self) -> int:
        """How many serve behind one endpoint."""
        return 1

    @property
    def most_targets(self) -> int | None:
        """That it can have at any time; None where memory alone says."""
        return None

    @property
    def loads_on_demand(self) -> bool:
        """Whether targets are loaded when they are asked for, and evicted for others."""
        return True

    @property
    def aws_profile(self) -> str | None:
        """Whose credentials it is asked with; those of AWS_PROFILE, or none at all, where nobody is named."""
        return None

    @property
    def opened_at_once(self) -> int:
        """How many endpoints may exist together: one is measured while others come up."""
        return 1

    @property
    def lacks_int64_engines(self) -> str | None:
        """Why TensorRT there takes no 64-bit integers, and what to do; None where it does."""
        return None

    @property
    def pytorch(self) -> tuple[int, int] | None:
        """Major and minor version of the PyTorch that serves code of AOTInductor; None where nobody knows."""
        return None

    @property
    def cannot_deploy(self) -> str | None:
        """Why its instances cannot be replaced while it is measured, and what to do; None where they can."""
        return "its instances stay as they are; allowed: local endpoints; leave it out, or measure one"

    @property
    def cannot_lose(self) -> str | None:
        """Why none of its instances can be lost while it is measured, and what to do; None where one can."""
        return self.cannot_deploy

    @property
    def cannot_scale(self) -> str | None:
        """Why no instances are added while it is measured, and what to do; None where they are."""
        return "its instances stay as many as they are; allowed: local endpoints; leave it out, or measure one"

    @property
    def compiles_in_job(self) -> bool:
        """Whether code of AOTInductor is compiled there, for its GPU, rather than by this machine."""
        return False

    @property
    def lacks_compiler(self) -> str | None:
        """Why nothing can be compiled there, and what to do; None where it can."""
        return None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What of it may go otherwise than it was written, in words."""
        return ()

    def cannot_serve(self, platform: PlatformSpec, max_batch_size: int) -> str | None:
        """Why it does not serve a platform with such batches, and what to do; None where it does."""
        return None

    def each(self) -> tuple[Self, ...]:
        """The same for each instance type alone."""
        return (self,)
