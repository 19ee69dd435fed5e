"""Fleets: the models of one endpoint together, one kind of model or several, each with targets and requests of its
own."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, WithJsonSchema, model_validator

from mmebench.spec.arrivals import ARRIVALS, RateArrivals
from mmebench.spec.platforms import AnyPlatform, PlatformSpec
from mmebench.spec.popularity import AnyPopularity, Popularity
from mmebench.spec.profile import Rate
from mmebench.spec.sources import AnyModel, ModelSource
from mmebench.spec.strict import Part, ShortFor, Strict
from mmebench.spec.workload import MOST_TARGETS, Objectives, Payload

MIX = "mix"
"""What files, tables and charts call the platform of a fleet."""
UNNAMED = "fleet"
"""What results of a fleet are filed under that has no name."""

_ROUNDED = 1e-3
"""Shares that were written with two or three digits add up to 1 but for so much."""
_FEW = 5
"""Models that a sentence names."""

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
ModelName = Annotated[
    str,
    Field(pattern=_NAME),
    WithJsonSchema({"type": "string", "pattern": _NAME, "format": "name", "examples": ["photos"]}),
]


class MemberTargets(Strict):
    """How many targets of an endpoint are of one model: a number, or a share of those that fit."""

    count: Annotated[int, Field(ge=1, le=MOST_TARGETS)] | Literal["capacity"] | None = Field(
        None, description="a number; capacity is short for share: 1"
    )
    share: Part = Field(
        1.0, gt=0, le=MOST_TARGETS, description="of what fits, in proportion to the shares of the other models"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.count is not None and "share" in self.model_fields_set:
            raise ValueError("got both count and share; give one of them")
        return self

    @property
    def fixed(self) -> int | None:
        """How many there are, where that is said."""
        return self.count if isinstance(self.count, int) else None


class Member(Strict):
    """One kind of model of a fleet: what it is, how much of it there is, and what is asked of it."""

    model: AnyModel
    platform: AnyPlatform | None = Field(None, description="a ready archive says itself what it is")
    targets: Annotated[MemberTargets, ShortFor("count", (int, str))] = Field(
        default_factory=MemberTargets, description="a number, {share: 2} of what fits, or capacity"
    )
    requests: Part | None = Field(
        None, gt=0, le=1e9, description="its part of the requests; those of all models make the whole"
    )
    rate: Rate | None = Field(
        None, description="instead of requests, in an open loop: requests per second of this model"
    )
    popularity: AnyPopularity | None = Field(None, description="within its targets; the workload's unless told")
    payload: Payload | None = Field(None, description="the workload's unless told")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.requests is not None and self.rate is not None:
            raise ValueError("got both requests and rate; give one of them")
        if self.platform is None and not self.model.is_ready_archive:
            raise ValueError("platform: missing; write e.g. platform: onnx")
        return self

    @property
    def weight(self) -> float:
        """How much is asked of it beside others, in whatever unit these have."""
        return next((part for part in (self.requests, self.rate) if part is not None), 1.0)


class ArchiveFolder(Strict):
    """A folder of ready archives: each is a model with one target, which has the file's name.

    The workload's popularity is that of the archives, in the order of their names.
    """

    model_config = ConfigDict(populate_by_name=True)

    folder: Path = Field(
        alias="from",
        examples=["archives/"],
        description="a folder with archives (*.tar.gz) that Triton loads as they are",
    )


def _form(value: Any) -> str:
    """A model may be called ``from``, and is no path then."""
    if isinstance(value, dict):
        origin = value.get("from", value.get("folder"))
        return "(folder)" if isinstance(origin, str | Path) else "(models)"
    return "(folder)" if isinstance(value, ArchiveFolder) else "(models)"


_EXAMPLE = {"photos": {"model": {"source": "timm", "name": "resnet18"}, "platform": "onnx"}}
BY_NAME: dict[str, Any] = {"additionalProperties": False}
"""Has editors say, too, which names may be."""
Members = Annotated[dict[ModelName, Member], Field(min_length=1, examples=[_EXAMPLE], json_schema_extra=BY_NAME)]
AnyMembers = Annotated[
    Annotated[Members, Tag("(models)")] | Annotated[ArchiveFolder, Tag("(folder)")], Discriminator(_form)
]
"""Each model by its name, or where they are."""


@dataclass(frozen=True)
class Kind:
    """One kind of model of a fleet, with all that a spec leaves to defaults."""

    name: str | None
    """None where a benchmark has only one: it is called what its model is called."""
    model: ModelSource
    platform: PlatformSpec
    targets: MemberTargets
    requests: float
    """Its share of the requests; those of a fleet add up to 1."""
    popularity: Popularity
    payload: Payload


@dataclass(frozen=True)
class Fleet:
    """What is behind an endpoint at one time: copies of one model, or of several kinds."""

    kinds: tuple[Kind, ...]
    name: str | None = None
    """None where it is one model on one platform."""

    @property
    def platform(self) -> str:
        """What files, tables and charts call its platform."""
        return self.kinds[0].platform.label if self.name is None else MIX

    @property
    def label(self) -> str:
        """What it is called beside others: its platform, or its name."""
        return self.name or self.platform


def check_members(members: Mapping[str, Member], *, open_loop: bool, traced: bool) -> None:
    """Refuse members that cannot be asked side by side.

    Args:
        members: by name.
        open_loop: whether the arrivals have a rate.
        traced: whether a trace says which target each request is for.

    Raises:
        ValueError: the message names the member.
    """
    check_parts({name: member.requests for name, member in members.items()})
    check_parts({name: member.rate for name, member in members.items()}, "rate")
    for name, member in members.items():
        for field in ("requests", "rate"):
            if traced and getattr(member, field) is not None:
                raise ValueError(f"models.{name}.{field}: a trace names the target of each request; leave it out")
        if member.rate is not None and not open_loop:
            raise ValueError(
                f"models.{name}.rate: a closed loop has no rate; write requests, or arrivals: {{kind: poisson}}"
            )
        if traced and member.popularity is not None and not member.popularity.traced:
            raise ValueError(f"models.{name}.popularity: a trace names the target of each request; leave it out")
        if not traced and member.popularity is not None and member.popularity.traced:
            raise ValueError(f"models.{name}.popularity trace needs arrivals trace; take another one")


def share_out(weights: Mapping[str, float]) -> dict[str, float]:
    """Each as a part of the whole."""
    whole = sum(weights.values())
    return {name: weight / whole for name, weight in weights.items()}


def check_parts(parts: Mapping[str, float | None], field: str = "requests") -> None:
    """Refuse that some models say their part and others do not; raises ValueError."""
    said = [name for name, part in parts.items() if part is not None]
    left_out = [name for name in parts if name not in said]
    if said and left_out:
        raise ValueError(
            f"models.{left_out[0]}.{field}: missing, while {said[0]} has it; give it to all models, or to none"
        )


def listed(names: Collection[str]) -> str:
    """All of them, or of many the first and how many more there are."""
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(list(names)[:_FEW]) + more


def check_objectives(objectives: Objectives, names: Collection[str]) -> None:
    """Refuse objectives of models that there are not; raises ValueError."""
    if unknown := sorted(objectives.models.keys() - set(names)):
        allowed = f"allowed: {listed(names)}; name one of them" if names else "of one model only; leave it out"
        raise ValueError(f"objectives.models: got {unknown[0]!r}; {allowed}")


def describe_shares(members: Mapping[str, Member]) -> str | None:
    """What becomes of parts of requests that do not add up to 1, in words; None where they do or none is said."""
    said = {name: member.requests for name, member in members.items() if member.requests is not None}
    whole = sum(said.values())
    if not said or abs(whole - 1) < _ROUNDED:
        return None
    shares = share_out(said)
    taken = listed([f"{name} {share:.2%}" for name, share in shares.items()])
    return f"the parts of requests add up to {whole:g}; taken as {taken}"


def proportionally(shares: Mapping[str, float], most: Mapping[str, int | None]) -> Iterator[str]:
    """Names in turns, so that at any time there are as many of each as its share asks for, or one apart.

    By the divisor method of Webster and Sainte-Laguë: the next is the one that falls furthest behind.

    Args:
        shares: in any unit.
        most: how many there may be of each; None is without end.
    """
    given = dict.fromkeys(shares, 0)
    while True:
        left = [name for name in shares if (limit := most[name]) is None or given[name] < limit]
        if not left:
            return
        following = max(left, key=lambda name: shares[name] / (2 * given[name] + 1))
        given[following] += 1
        yield following


def platform_of(member: Member) -> PlatformSpec:
    """What it is served as; of a ready archive, that has been looked into."""
    assert member.platform is not None, "ready archives have been looked into"
    return member.platform


def with_rates_of_models(spec: Any) -> Any:
    """A spec as it was written; stages that say no rate have that of all models together, if these have one."""
    models = spec.get("models") if isinstance(spec, dict) else None
    if not isinstance(models, dict):
        return spec
    rates = [member.get("rate") for member in models.values() if isinstance(member, dict)]
    numbers = [rate for rate in rates if isinstance(rate, int | float)]
    workload = spec.get("workload", {})
    if not numbers or len(numbers) < len(models) or not isinstance(workload, dict) or not _is_rated(workload):
        return spec
    profile = workload.get("profile")
    stages = profile.get("stages") if isinstance(profile, dict) else profile
    if not isinstance(stages, list):
        return spec
    rated = [{"rate": sum(numbers)} | stage if isinstance(stage, dict) else stage for stage in stages]
    whole = profile | {"stages": rated} if isinstance(profile, dict) else rated
    return spec | {"workload": workload | {"profile": whole}}


def _is_rated(workload: dict[str, Any]) -> bool:
    arrivals = workload.get("arrivals", "closed")
    kind = ARRIVALS.by_name.get(str(arrivals.get("kind") if isinstance(arrivals, dict) else arrivals))
    return kind is not None and issubclass(kind, RateArrivals)
