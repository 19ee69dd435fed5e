"""Kinds: what a spec may choose by name. One file holds a kind, one line registers it, all else follows from that.

Other packages add kinds by entry points of the group ``mmebench.<noun>``; an entry point has the kind's
name, and its class for an object.
"""

from collections.abc import Iterator
from functools import cache, cached_property, reduce
from importlib.metadata import EntryPoint, entry_points
from operator import or_
from pkgutil import resolve_name
from typing import Annotated, Any, Generic, TypeVar, get_args

from pydantic import Discriminator, Field, GetCoreSchemaHandler, Tag, TypeAdapter
from pydantic_core import CoreSchema

from mmebench.errors import BadInputError
from mmebench.spec.strict import Strict

KindT = TypeVar("KindT", bound=Strict)
_OTHER = "(other)"


class Kinds(Generic[KindT]):
    """The kinds of one noun; as a field's annotation, any of them: ``Annotated[Arrivals, ARRIVALS]``.

    They are looked for when a spec is first read, not before.
    """

    def __init__(
        self, noun: str, *own: type[KindT] | str, tag: str = "kind", other: type[KindT] | None = None
    ) -> None:
        """Give the kinds their noun.

        Args:
            noun: in the plural, as entry points and messages have it.
            own: our kinds, each a class or, where its file is in a room above, ``module:Class``.
            tag: the field that names the kind; its type is a Literal of one name.
            other: what any other name stands for; None where there is no other.
        """
        self.noun = noun
        self._own = own
        self._tag = tag
        self._other = other

    @cached_property
    def by_name(self) -> dict[str, type[KindT]]:
        """Every kind, ours first.

        Raises:
            BadInputError: a package adds a kind that cannot be used.
        """
        ours = [resolve_name(kind) if isinstance(kind, str) else kind for kind in self._own]
        found: dict[str, type[KindT]] = {self._name(kind): kind for kind in ours}
        for entry in _entry_points(f"mmebench.{self.noun}"):
            found[entry.name] = self._from(entry, found)
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
        return handler.generate_schema(self._union)

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

    def _from(self, entry: EntryPoint, known: dict[str, type[KindT]]) -> type[KindT]:
        """The class behind an entry point."""
        package = entry.dist.name if entry.dist else "?"
        where = f"{self.noun}: {entry.name} of package {package} ({entry.value})"
        try:
            kind: type[KindT] = entry.load()
            name = self._name(kind)
        except Exception as error:  # whatever another package does when it is imported
            mend = f"mend {package}, or uninstall it"
            raise BadInputError(f"{where}: {type(error).__name__}: {error}; {mend}") from error
        if name != entry.name:
            raise BadInputError(f"{where}: its {self._tag} is {name!r}; entry point and class must say the same")
        if name in known:
            raise BadInputError(f"{where}: there is one of that name already; rename it, or uninstall {package}")
        return kind


@cache
def _entry_points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=group))
