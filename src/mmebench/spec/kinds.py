"""Kinds: what a spec may choose by name. One file holds a kind, one line registers it, all else follows from that.

Other packages add kinds, too; see :mod:`mmebench.spec.additions`.
"""

from collections.abc import Collection, Iterator
from functools import cached_property, reduce
from importlib.metadata import EntryPoint
from operator import or_
from pkgutil import resolve_name
from typing import Annotated, Any, Generic, TypeVar, get_args

from pydantic import Discriminator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Tag, TypeAdapter
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from mmebench.spec.additions import additions, load_addition, unusable
from mmebench.spec.strict import Strict

KindT = TypeVar("KindT", bound=Strict)
_OTHER = "(other)"


class Kinds(Generic[KindT]):
    """The kinds of one noun; as a field's annotation, any of them: ``Annotated[Arrivals, ARRIVALS]``.

    They are looked for when a spec is first read, not before.
    """

    def __init__(
        self,
        noun: str,
        *own: type[KindT] | str,
        tag: str = "kind",
        other: type[KindT] | None = None,
        example: dict[str, Any] | None = None,
    ) -> None:
        """Give the kinds their noun.

        Args:
            noun: in the plural, as entry points and messages have it.
            own: our kinds, each a class or, where its file is in a room above, ``module:Class``.
            tag: the field that names the kind; its type is a Literal of one name.
            other: what any other name stands for; None where there is no other.
            example: what messages show; unless told, the first kind's name, which then is enough.
        """
        self.noun = noun
        self._own = own
        self._tag = tag
        self._other = other
        self._example = example

    @cached_property
    def by_name(self) -> dict[str, type[KindT]]:
        """Every kind, ours first.

        Raises:
            BadInputError: a package adds a kind that cannot be used.
        """
        ours = [resolve_name(kind) if isinstance(kind, str) else kind for kind in self._own]
        found: dict[str, type[KindT]] = {self._name(kind): kind for kind in ours}
        for entry in additions(self.noun):
            found[entry.name] = self._added(entry, found)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def read(self, value: Any) -> KindT:
        """The kind that ``value`` asks for, as a spec has it.

        Raises:
            pydantic.ValidationError: it is none.
        """
        kind: KindT = self._adapter.validate_python(value)
        return kind

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._short_form, handler.generate_schema(self._union))

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """A bare name is allowed where a kind has no other field that must be given."""
        alone = [
            name
            for name, kind in self.by_name.items()
            if not any(field.is_required() for key, field in kind.model_fields.items() if key != self._tag)
        ]
        union = handler(core_schema)
        union["examples"] = [self._example or alone[0]]
        return {"anyOf": [{"enum": alone, "type": "string"}, union]} if alone else union

    def _short_form(self, value: Any) -> Any:
        """A bare ``zipf`` is short for ``{kind: zipf}``; of sources only where it is the name of one."""
        named = isinstance(value, str) and (self._tag == "kind" or value in self.by_name)
        return {self._tag: value} if named else value

    @property
    def _union(self) -> Any:
        if self._other is None:
            return Annotated[reduce(or_, self.by_name.values()), Field(discriminator=self._tag)]
        tagged = {f"({name})": kind for name, kind in self.by_name.items()} | {_OTHER: self._other}
        choices = (Annotated[kind, Tag(tag)] for tag, kind in tagged.items())
        return Annotated[reduce(or_, choices), Discriminator(self._tag_of)]

    def _tag_of(self, value: Any) -> str:
        """In parentheses, as it is in no file."""
        name = value.get(self._tag) if isinstance(value, dict) else getattr(value, self._tag, None)
        return f"({name})" if name in self.by_name else _OTHER

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._union)

    def _name(self, kind: type[KindT]) -> str:
        (name,) = get_args(kind.model_fields[self._tag].annotation)
        return str(name)

    def _added(self, entry: EntryPoint, known: Collection[str]) -> type[KindT]:
        """The class behind an entry point."""
        kind: type[KindT] = load_addition(self.noun, entry)
        try:
            name = self._name(kind)
        except (AttributeError, KeyError, ValueError) as error:
            raise unusable(self.noun, entry, f"no kind with a {self._tag} of one name ({error})") from error
        if name != entry.name:
            raise unusable(self.noun, entry, f"its {self._tag} is {name!r}, which the entry point must be called")
        if name in known:
            raise unusable(self.noun, entry, "there is one of that name already")
        return kind
