"""What every part of a spec is made of."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from mmebench.units import seconds

Duration = Annotated[
    float, BeforeValidator(seconds), WithJsonSchema({"type": ["number", "string"], "format": "duration"})
]
"""Seconds, written 200ms, 30s, 2m or as a number."""


def _no_flag(value: object) -> object:
    """``true`` is 1 to Python, and nobody's size."""
    if isinstance(value, bool):
        raise ValueError(f"got {value}; write a size as 4GiB, 500MB or a number of bytes")
    return value


Size = Annotated[
    ByteSize, BeforeValidator(_no_flag), WithJsonSchema({"type": ["integer", "string"], "format": "size"})
]
"""Bytes, written 4GiB, 500MB or as a number."""

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")]
"""A SageMaker resource name: letters, digits and inner hyphens, 63 at most."""


ListT = TypeVar("ListT")
MappingT = TypeVar("MappingT")

ListOrMapping = Annotated[
    Annotated[ListT, Tag("(list)")] | Annotated[MappingT, Tag("(mapping)")],
    Discriminator(lambda value: "(list)" if isinstance(value, list | tuple) else "(mapping)"),
]
"""Either of two ways to write the same; a mistake is named for the one that was used. Tags in parentheses are in
no file, and messages leave them out."""


class Strict(BaseModel):
    """A part of the spec: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, defer_build=True)
