"""What every part of a spec is made of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function, no_info_before_validator_function

from mmebench.units import DURATION, LEAST_WITHOUT_UNIT, SHARE, SIZE, part, seconds, share, size

BY_HAND = {"by hand": True}
"""The context of a validation of what a person has written, and not of what we wrote of it ourselves."""


def _with_unit(unit: str, number: str, form: str, *examples: str, least: int = 0) -> WithJsonSchema:
    """For editors, which check it, and for messages: a number, or text with a unit."""
    written = {"type": "string", "pattern": f"^{unit}$"}
    return WithJsonSchema(
        {"anyOf": [{"type": number, "minimum": least}, written], "format": form, "examples": list(examples)}
    )


Duration = Annotated[
    float, BeforeValidator(seconds), _with_unit(DURATION, "number", "duration", "200ms", "30s", "2m")
]
"""Seconds, written 200ms, 30s, 2m or as a number."""


def _latency(value: Any, info: ValidationInfo) -> float:
    bare = str(value).replace(".", "").isdecimal()
    if info.context is BY_HAND and bare:
        raise ValueError(f"got {value!r}; milliseconds or seconds? write {value}ms or {value}s")
    return seconds(value)


def _some_time(latency: float) -> float:
    if latency <= 0:
        raise ValueError("got 0; no answer takes no time; write it as 200ms or 1s")
    return latency


Latency = Annotated[
    float,
    BeforeValidator(_latency),
    AfterValidator(_some_time),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{DURATION}$",
            "format": "duration with a unit",
            "examples": ["200ms", "1s"],
        }
    ),
]
"""Seconds, written 200ms or 1s: of a bare number nobody knows whether it is milliseconds."""

Size = Annotated[
    int, BeforeValidator(size), _with_unit(SIZE, "integer", "size", "4GiB", "500MB", least=LEAST_WITHOUT_UNIT)
]
"""Bytes, written 4GiB, 500MB or as a number."""

Share = Annotated[float, BeforeValidator(share), _with_unit(SHARE, "number", "share", "1%", "0.01")]
"""A part of a whole, written 1% or 0.01."""

Part = Annotated[float, BeforeValidator(part), _with_unit(SHARE, "number", "part", "0.7", "70%")]
"""A part beside others, in any unit: a number, or written 70%."""

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$", examples=["my-endpoint"])]
"""A SageMaker resource name: letters, digits and inner hyphens, 63 at most."""


ListT = TypeVar("ListT")
MappingT = TypeVar("MappingT")

ListOrMapping = Annotated[
    Annotated[ListT, Tag("(list)")] | Annotated[MappingT, Tag("(mapping)")],
    Discriminator(lambda value: "(list)" if isinstance(value, list | tuple) else "(mapping)"),
]
"""Either of two ways to write the same; a mistake is named for the one that was used. Tags in parentheses are in
no file, and messages leave them out."""


def first_repeated(names: Iterable[Any]) -> Any | None:
    """What is there twice."""
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if (twice := first_repeated(values)) is not None:
        raise ValueError(f"got {twice} twice; allowed: each once; leave one out")
    return values


class _EachOnce:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(_each_once, handler(source))

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        written = handler(core_schema)
        for form in written.get("anyOf", [written]):
            if form.get("type") == "array":
                form["uniqueItems"] = True
        return written


EachOnce = _EachOnce()
"""Of a list in which nothing may be repeated."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) or value is None else [value]


class _OrOne:
    """For editors."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        several = handler(core_schema)
        return {"anyOf": [several["items"], several]}


OneOrSeveral = Annotated[tuple[ListT, ...], BeforeValidator(_listed), _OrOne()]
"""A list, of which a single item may stand for itself."""


@dataclass(frozen=True)
class ShortFor:
    """Lets a bare value of some types stand for a mapping with it as ``field``."""

    field: str
    types: tuple[type, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._whole, handler(source))

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        whole = handler(core_schema)
        field = handler.resolve_ref_schema(whole)["properties"][self.field]
        return {"anyOf": [*(form for form in field["anyOf"] if "$ref" not in form), whole]}

    def _whole(self, value: Any) -> Any:
        short = isinstance(value, self.types) and not isinstance(value, bool)
        return {self.field: value} if short else value


class Strict(BaseModel):
    """A part of the spec: unknown keys are errors, values do not change, numbers are finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, defer_build=True, allow_inf_nan=False
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """With the bounds of what is written with units, which pydantic leaves out: those of the bare number."""
        written = handler(core_schema)
        properties = handler.resolve_ref_schema(written).get("properties", {})
        for name, field in cls.model_fields.items():
            bounds = {
                word: getattr(bound, sign)
                for bound in field.metadata
                for sign, word in _BOUNDS.items()
                if hasattr(bound, sign)
            }
            for node in _with_units(properties.get(field.alias or name, {})):
                for sign in _BOUNDS:
                    node.pop(sign, None)
                number, *others = node["anyOf"]
                node["anyOf"] = [number | bounds, *others]
        return written


_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _with_units(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "format" in node and "anyOf" in node:
        yield node
    else:
        for each in node.get("anyOf", ()):
            yield from _with_units(each)
