"""The spec of ``mmebench run``: a model on one or more platforms, or a fleet, an endpoint, and a workload."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from mmebench.spec.arrivals import RateArrivals
from mmebench.spec.changing import changed
from mmebench.spec.endpoints import AnyEndpoint, LocalEndpoint, ServedEndpoint
from mmebench.spec.experiments import AnyExperiment
from mmebench.spec.fleet import (
    UNNAMED,
    AnyMembers,
    Fleet,
    Kind,
    Member,
    MemberTargets,
    ModelName,
    check_members,
    check_objectives,
    describe_shares,
    listed,
    platform_of,
    share_out,
    with_rates_of_models,
)
from mmebench.spec.layout import AnyLayout
from mmebench.spec.mistakes import find_mistakes
from mmebench.spec.planning import Planning
from mmebench.spec.platforms import (
    PLATFORMS,
    AnyPlatform,
    PlatformSpec,
    ReadyPlatform,
    platform_kind,
    platform_label,
)
from mmebench.spec.sources import AnyModel, ModelSource
from mmebench.spec.strict import OneOrSeveral, Strict, first_repeated
from mmebench.spec.tuning import Tuning, single_changes
from mmebench.spec.variants import Changes, Place, RunName, Values, Variant, check_places, variants_of_grid
from mmebench.spec.workload import AnyTargets, Objectives, Payload, Targets, Workload, check_search

_ONE_WAY: dict[str, Any] = {
    "if": {"required": ["models"]},
    "then": {"properties": {"model": False, "platforms": False}},
    "else": {
        "required": ["model"],
        "if": {
            "properties": {"model": {"properties": {"path": {"pattern": r"\.tar\.gz$"}}, "required": ["path"]}}
        },
        "else": {"required": ["platforms"], "properties": {"platforms": {"minItems": 1}}},
    },
}


class Spec(Strict):
    """One benchmark: a model on one or more platforms, or a fleet of models, on an endpoint, under a workload."""

    model_config = ConfigDict(json_schema_extra=_ONE_WAY)

    model: AnyModel | None = Field(None, description="one model, whose copies the targets are")
    platforms: OneOrSeveral[AnyPlatform] = Field(
        (), description="each is measured; a ready archive says itself what it is, and may leave it out"
    )
    models: AnyMembers | None = Field(
        None,
        description="instead of model and platforms: several models on one endpoint, by name, or {from: FOLDER}",
    )
    name: ModelName | None = Field(None, description="of the fleet that models are; what results are filed under")
    endpoint: AnyEndpoint = Field(default_factory=LocalEndpoint)
    targets: AnyTargets = Field(default_factory=Targets)
    workload: Workload = Field(default_factory=Workload)
    objectives: Objectives = Field(default_factory=Objectives)
    experiments: OneOrSeveral[AnyExperiment] = Field((), description="what else is to be shown, after the load")
    layout: AnyLayout = "stars"
    variants: dict[RunName, Changes] = Field(
        {}, description="instead of the spec as it is: it with some fields changed, each under a name of its own"
    )
    grid: dict[Place, Values] = Field(
        {}, description="the same for every combination of these values: {platforms.0.max_batch_size: [1, 8]}"
    )
    tune: Tuning | None = Field(None, description="what `mmebench tune` may change, and what is to be best")
    plan: Planning | None = Field(
        None, description="how many instances hold the objectives for a whole fleet, from what was measured"
    )
    repeats: int = Field(
        1,
        ge=1,
        le=20,
        description="each run is measured so often, in turns, on new endpoints; intervals are those between them",
    )

    fresh: bool = Field(
        True,
        description="a new endpoint for each repeat; false: all repeats of a run on one, one after another, which "
        "takes less time, and whose intervals know nothing of what differs between endpoints",
    )

    @model_validator(mode="before")
    @classmethod
    def _stages_have_the_rates_of_models(cls, value: Any) -> Any:
        return with_rates_of_models(value)

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        if self.models is None:
            self._check_model()
        else:
            self._check_models()
        if twice := first_repeated([experiment.kind for experiment in self.experiments]):
            raise ValueError(
                f"experiments: got {twice} twice; allowed: each kind once; leave one out, or run them as two specs"
            )
        for experiment in self.experiments:
            experiment.check(self.workload.clients)
            why = experiment.cannot_run_on(self.endpoint) if isinstance(self.endpoint, ServedEndpoint) else None
            if why is not None:
                raise ValueError(f"experiments: {experiment.kind}: {why}")
        check_search(self.workload, self.objectives)
        if not self.fresh and self.repeats == 1:
            raise ValueError("fresh: got false; allowed: with repeats, of which there are none; leave it out")
        if self.plan is not None and not self.objectives.limit_latency:
            raise ValueError(
                "plan needs objectives that say how long an answer may take: p50, p90, p95, p99 or goodput; "
                "write e.g. objectives: {p99: 300ms}"
            )
        for variant in self.named_variants:
            self._vary(variant)
        if self.tune is not None:
            self._check_space(self.tune)
        return self

    def _check_space(self, tuning: Tuning) -> None:
        """Each value by itself must make a spec of one run."""
        if self.variants or self.grid:
            raise ValueError("got tune beside variants or grid; give one of them")
        for changes in single_changes(tuning):
            runs = self._vary(Variant(tuning.name(changes), changes), "tune.space").runs
            if runs > self.repeats:
                raise ValueError(
                    f"tune: got {runs // self.repeats} runs a trial; allowed: one; leave one platform and one "
                    "instance type, and give the others as choices: {platforms.0.kind: [pt, onnx]}"
                )

    def trial(self, changes: Mapping[str, Any]) -> Self:
        """What a trial with these values of the space measures: one variant, named after them.

        Raises:
            ValueError: together they make no spec; the message says why.
        """
        assert self.tune is not None, "a spec without a space has no trials"
        variant = Variant(self.tune.name(dict(changes)), changes)
        self._vary(variant, "tune.space")
        return self.model_copy(update={"tune": None, "variants": {variant.name: dict(changes)}})

    @property
    def named_variants(self) -> tuple[Variant, ...]:
        """What is changed, by name; none where the spec is measured as it is."""
        if self.variants and self.grid:
            raise ValueError("got both variants and grid; give one of them")
        named = tuple(Variant(name, changes) for name, changes in self.variants.items())
        return named or (variants_of_grid(self.grid) if self.grid else ())

    def _vary(self, variant: Variant, where: str = "grid") -> Self:
        """The spec with these fields changed.

        Raises:
            ValueError: that is no spec; the message says ``where``, and the name of one that has been named.
        """
        if self.variants:
            where = f"variants.{variant.name}"
        plain = {name: getattr(self, name) for name in self.model_fields_set - {"variants", "grid", "tune"}}
        try:
            check_places(variant.changes)
            return type(self).model_validate(changed(type(self).model_construct(**plain), variant.changes))
        except ValidationError as error:
            raise ValueError(f"{where}: {'; '.join(find_mistakes(error, type(self)))}") from None
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None

    def varied(self) -> tuple[tuple[Variant | None, Self], ...]:
        """What is measured: each variant with its name, or the spec as it is."""
        return tuple((variant, self._vary(variant)) for variant in self.named_variants) or ((None, self),)

    def _check_model(self) -> None:
        """One model on its platforms."""
        if self.model is None:
            raise ValueError("model: missing; write e.g. model: {source: timm, name: resnet50}")
        for field, given in (("name", self.name), ("objectives.models", self.objectives.models)):
            if given:
                raise ValueError(f"{field}: is for a fleet of models; leave it out, or write models")
        if not self.platforms and not self.model.is_ready_archive:
            raise ValueError(
                f"platforms: got none; allowed: 1 or more of {', '.join(PLATFORMS)}; write e.g. platforms: [pt]"
            )
        labels = [each.name or platform_label(platform_kind(each.kind), each.precision) for each in self.platforms]
        if twice := first_repeated(labels):
            raise ValueError(
                f"platforms: got {twice} twice; allowed: each once by its name, which is the kind and a lowered "
                "precision unless told; leave one out, or give it a name"
            )
        for experiment in self.experiments:
            if experiment.of_fleets or experiment.models:
                what = "" if experiment.of_fleets else " that names models"
                raise ValueError(
                    f"experiments: got {experiment.kind}{what}, for a fleet only; leave it out, or write models"
                )
        for platform in self.platforms:
            _check_pair(self.model, platform, self.workload.payload, "platforms", "workload.payload")

    def _check_models(self) -> None:
        """Several models, side by side."""
        for field in ("model", "platforms"):
            if field in self.model_fields_set:
                raise ValueError(
                    f"got both models and {field}; each of models says it for itself; leave out {field}"
                )
        if isinstance(self.targets.count, int):
            raise ValueError(
                f"targets: got {self.targets.count} for all models together; write how many there are of each, "
                "models.NAME.targets"
            )
        if isinstance(self.models, dict):
            self._check_members(self.models)

    def with_members(self, members: dict[str, Member], name: str) -> Self:
        """What becomes of a folder, once it has been looked into; raises ValueError where nothing can."""
        whole = self.model_copy(update={"models": members, "name": name})
        whole._check_members(members)
        return whole

    def _check_members(self, members: dict[str, Member]) -> None:
        """Held against the rest of the spec."""
        traced = self.workload.popularity.traced
        check_members(members, open_loop=isinstance(self.workload.arrivals, RateArrivals), traced=traced)
        fixed = [name for name, member in members.items() if member.targets.fixed is not None]
        if fixed and self.targets.capacity is not None:
            raise ValueError(
                f"targets: got {self.targets.capacity:g} times what fits, and models.{fixed[0]}.targets "
                f"{members[fixed[0]].targets.fixed}; give shares, or leave out targets"
            )
        check_objectives(self.objectives, members)
        for experiment in self.experiments:
            if unknown := sorted(set(experiment.models) - members.keys()):
                raise ValueError(
                    f"experiments: {experiment.kind} got {unknown[0]!r}; allowed: {listed(members)}; "
                    "name one of them"
                )
        for name, member in members.items():
            payload, where = member.payload or self.workload.payload, f"models.{name}"
            if member.platform is not None:
                at = f"{where}.payload" if member.payload else "workload.payload"
                _check_pair(member.model, member.platform, payload, f"{where}.platform", at)

    @property
    def runs(self) -> int:
        """How many there will be, each on an endpoint of its own."""
        return self.repeats * sum(
            len(tuple(spec.endpoint.each())) * (max(1, len(spec.platforms)) if spec.models is None else 1)
            for _, spec in self.varied()
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is taken otherwise than it was written, in words."""
        said = describe_shares(self.models) if isinstance(self.models, dict) else None
        one_endpoint = "repeats are on one endpoint: intervals know nothing of what differs between endpoints"
        return (
            *(() if said is None else (said,)),
            *(() if self.fresh else (one_endpoint,)),
            *self.endpoint.remarks,
        )

    @property
    def shares(self) -> dict[str, float]:
        """Of a fleet: the part of the requests that each model gets."""
        if not isinstance(self.models, dict):
            return {}
        return share_out({name: member.weight for name, member in self.models.items()})

    @property
    def fleets(self) -> tuple[Fleet, ...]:
        """What is measured on each endpoint, one after another: the model on each platform, or all models at once.

        Ready archives, and folders of them, have been looked into
        (:func:`mmebench.models.archive_completion.complete_archives`).
        """
        workload = self.workload
        if self.model is not None:
            count = self.targets.count if isinstance(self.targets.count, int) else None
            targets = MemberTargets(count=count)
            return tuple(
                Fleet((Kind(None, self.model, platform, targets, 1.0, workload.popularity, workload.payload),))
                for platform in self.platforms
            )
        assert isinstance(self.models, dict), "folders have been looked into"
        shares = self.shares
        kinds = tuple(
            Kind(
                name,
                member.model,
                platform_of(member),
                member.targets,
                shares[name],
                member.popularity or workload.popularity,
                member.payload or workload.payload,
            )
            for name, member in self.models.items()
        )
        return (Fleet(kinds, self.name or UNNAMED),)


def _check_pair(model: ModelSource, platform: PlatformSpec, payload: Payload, where: str, payload_at: str) -> None:
    """Refuse a platform that the model cannot be served as, or that requests do not fit."""
    if isinstance(platform, ReadyPlatform) and not model.is_ready_archive:
        ours = platform_kind(platform.kind)
        close = [ours] if ours in PLATFORMS else get_close_matches(platform.kind, PLATFORMS, n=1)
        raise ValueError(
            f"{where}: got {platform.kind!r}; allowed: {', '.join(PLATFORMS)}, or for a ready archive what its "
            f"config names; {f'did you mean {close[0]}?' if close else 'take one of them'}"
        )
    said = not model.is_ready_archive or "max_batch_size" in platform.model_fields_set
    if said and payload.batch > max(platform.max_batch_size, 1):
        raise ValueError(
            f"{payload_at}.batch {payload.batch} goes over max_batch_size {platform.max_batch_size} "
            f"of platform {platform.kind}; make it smaller, or raise max_batch_size"
        )
