"""What is asked of the endpoint: how many targets, with what payload, how often, at which load."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from mmebench.spec.arrivals import ARRIVALS, AnyArrivals, ClosedLoop, RateArrivals, Trace
from mmebench.spec.popularity import AnyPopularity, Uniform
from mmebench.spec.profile import MOST_AT_ONCE, AnyProfile, Profile, Stage, StageDuration
from mmebench.spec.strict import Latency, OneOrSeveral, Share, ShortFor, Strict, first_repeated

_NAMING = frozenset({"x-amzn-sagemaker-target-model", "x-amzn-sagemaker-inference-component"})


def _free_header(name: str) -> str:
    lower = name.lower()
    if lower in _NAMING or not (lower == "accept" or lower.startswith("x-amzn-sagemaker-")):
        raise ValueError(
            f"got {name!r}; allowed: Accept and X-Amzn-SageMaker-…, but for the target, which varies; leave it out"
        )
    return name


def _each_once(headers: dict[str, str]) -> dict[str, str]:
    if twice := first_repeated(name.lower() for name in headers):
        raise ValueError(f"got {twice} twice, as capitals do not count; allowed: each once; leave one out")
    return headers


HeaderName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9-]+$", examples=["X-Amzn-SageMaker-Custom-Attributes"]),
    AfterValidator(_free_header),
]
HeaderValue = Annotated[str, Field(pattern=r"^[\x20-\x7e]*$", examples=["trace=1"])]


PORT = r"(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3})"
MOST_TARGETS = 100_000
"""As many as anybody has tried behind one endpoint, and more."""


class Targets(Strict):
    """How many copies of the model stand behind the endpoint: a number, what fits, or a multiple of that."""

    count: Annotated[int, Field(ge=1, le=MOST_TARGETS)] | Literal["capacity"] = Field(
        "capacity", description="a number, or capacity: as many as fit without an eviction"
    )
    capacity: float | None = Field(None, gt=0, le=1000, description="instead of count: this many times what fits")
    limit: int = Field(500, ge=1, le=MOST_TARGETS, description="the search for capacity stops here")
    threshold: Share | None = Field(
        None, gt=0, le=1, description="stop filling at this share of memory instead of at the first eviction"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.capacity is not None and "count" in self.model_fields_set:
            raise ValueError("got both count and capacity; give one of them")
        return self


AnyTargets = Annotated[Targets, ShortFor("count", (int, str))]
"""A bare 5 is short for ``{count: 5}``."""


class Payload(Strict):
    """What one request carries: made from the model's inputs, from an image or texts, or a file as it is."""

    encoding: Literal["binary", "json"] = Field("binary", description="tensors as raw bytes, or as JSON lists")
    batch: int = Field(1, ge=1, le=1024, description="rows in a request")
    sequence_length: int = Field(128, ge=1, description="tokens in a row of text; the most, where lengths vary")
    lengths: Literal["constant", "lognormal"] = Field(
        "constant", description="rows of text are all padded to sequence_length, or as long as text is"
    )
    pool: int = Field(1, ge=1, le=10_000, description="distinct requests to draw from")
    image: Path | None = Field(
        None, description="a picture, scaled to the model's input; normalised, or as pixels for UINT8"
    )
    text: OneOrSeveral[str] | None = Field(None, min_length=1, description="texts for the tokenizer")
    tokenizer: Path | None = Field(None, description="a tokenizer.json, or a folder that holds it")
    file: Path | None = Field(None, description="one request's body, sent as it is")
    content_type: str | None = Field(
        None,
        pattern=r"^[\x21-\x7e][\x20-\x7e]*$",
        examples=["text/csv"],
        description="of a file; application/octet-stream unless told",
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [origin for origin in ("image", "text", "file") if getattr(self, origin) is not None]
        if len(given) > 1:
            raise ValueError(f"got {' and '.join(given)}; give one of them")
        if (self.text is None) != (self.tokenizer is None):
            raise ValueError("text and tokenizer go together; give both or none")
        if self.pool > 1 and (self.image or self.file):
            raise ValueError("pool makes distinct requests; one image or file gives only one; leave pool out")
        return self


class Workers(Strict):
    """Client processes on other hosts, each of which is started there with ``mmebench worker``."""

    listen: Annotated[str, Field(pattern=rf"^[^:\s]+:{PORT}$", examples=["10.0.0.5:5557"])] = Field(
        description="address and port of this host that they connect to"
    )
    count: int = Field(ge=1, le=1024, description="the load begins when so many client processes have joined")
    wait: StageDuration = Field(300.0, description="the load is given up when they have not after this time")
    token: Path | None = Field(
        None, description="a file, mode 0600, with the token that the workers have too; else MMEBENCH_TOKEN is it"
    )
    insecure: bool = Field(
        False, description="without a token: let anybody join who reaches the address, unencrypted"
    )

    @property
    def address(self) -> tuple[str, str]:
        """Host and port."""
        host, _, port = self.listen.rpartition(":")
        return host, port


class Workload(Strict):
    """What is asked of the endpoint: payload, popularity of the targets, arrivals, profile."""

    payload: Payload = Field(default_factory=Payload)
    popularity: AnyPopularity = Field(default_factory=Uniform)
    arrivals: AnyArrivals = Field(default_factory=ClosedLoop)
    profile: AnyProfile = Field(default_factory=Profile)
    timeout: StageDuration = Field(
        70.0, description="longest wait for an answer; SageMaker's own limit is 60 s, so that its answer is seen"
    )
    headers: Annotated[dict[HeaderName, HeaderValue], AfterValidator(_each_once)] = Field(
        {}, description="sent and signed with every request"
    )
    seed: int = Field(0, ge=0, description="of the order in which the models of a fleet are asked for")
    processes: int = Field(1, ge=1, le=256, description="client processes of this host that share the load")
    workers: Workers | None = Field(None, description="instead of processes: those of other hosts")

    @model_validator(mode="before")
    @classmethod
    def _a_trace_names_its_targets(cls, value: Any) -> Any:
        if isinstance(value, dict) and "popularity" not in value:
            arrivals = value.get("arrivals")
            if isinstance(arrivals, dict) and arrivals.get("kind") == "trace":
                return value | {"popularity": {"kind": "trace"}}
        return value

    @model_validator(mode="after")
    def _profile_fits_arrivals(self) -> Self:
        kind, closed = self.arrivals.kind, isinstance(self.arrivals, ClosedLoop)
        traced, rated = isinstance(self.arrivals, Trace), isinstance(self.arrivals, RateArrivals)
        if self.popularity.traced and not traced:
            raise ValueError(
                f"popularity {self.popularity.kind} needs arrivals trace; got arrivals {kind}; take another one"
            )
        if self.payload.content_type is not None and self.payload.file is None and not traced:
            raise ValueError(
                "payload.content_type is for a body from a file; tensors have their own; leave it out"
            )
        for number, stage in enumerate(self.profile.stages):
            where = f"profile.stages.{number}"
            if closed and (stage.users is None or stage.rate is not None):
                raise ValueError(
                    f"{where}: arrivals closed need users and no rate; {_rated()} have one; change one of them"
                )
            if rated and stage.rate is None:
                raise ValueError(
                    f"{where}: arrivals {kind} need a rate, in requests per second; write e.g. rate: 20"
                )
            if traced and stage.rate is not None:
                raise ValueError(f"{where}: a trace has its own times; give the stage a duration and no rate")
        if self.profile.auto is not None and not closed:
            raise ValueError(
                f"profile.auto: got arrivals {kind}; allowed: closed, whose users wait for their answers; write "
                "search for the largest rate that holds the objectives"
            )
        if traced and self.profile.stationary is not None:
            raise ValueError(
                "profile.stationary: a trace has its own course, which no stage can end or extend; leave it out"
            )
        if traced and ("profile" not in self.model_fields_set or not self.profile.stages):
            raise ValueError(
                "a trace needs profile.stages, each with a duration; it has no ramp and no search; write e.g. "
                "stages: [{duration: 60s}]"
            )
        if self.workers is not None and self.processes > 1:
            raise ValueError("got processes and workers; to use both, start mmebench worker on this host too")
        shaped = self.profile.ramp or self.profile.search
        clients = self.clients
        for users in {each.users for each in (*self.profile.stages, *([shaped] if shaped else []))}:
            if not closed and (at_once := MOST_AT_ONCE if users is None else users) < clients:
                raise ValueError(
                    f"profile: {at_once} requests at once are too few for {clients} client processes, each of "
                    "which has its share of an open loop; give at least as many users"
                )
        if closed and shaped is not None and shaped.users is not None:
            raise ValueError(
                "users of a ramp or search are for an open loop; a closed loop's are what changes; leave them out"
            )
        return self

    @property
    def clients(self) -> int:
        """Client processes that share the load."""
        return self.processes if self.workers is None else self.workers.count

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in order; none for a search or auto, which choose the next one by what the last ones gave."""
        ramp = self.profile.ramp
        if ramp is None:
            return self.profile.stages
        loads = dict.fromkeys(self._whole(load) for load in ramp.loads)
        return tuple(self.stage(load, ramp.users, ramp.duration, ramp.warmup) for load in loads)

    def stage(self, load: float, users: int | None, duration: float, warmup: float | None) -> Stage:
        """A stage with ``load`` users in a closed loop, or ``load`` requests per second in an open one."""
        if isinstance(self.arrivals, ClosedLoop):
            return Stage(users=round(load), duration=duration, warmup=warmup)
        return Stage(rate=load, users=users, duration=duration, warmup=warmup)

    def _whole(self, load: float) -> float:
        return max(1, round(load)) if isinstance(self.arrivals, ClosedLoop) else load


def _rated() -> str:
    """The kinds of arrivals that have a rate, in words."""
    return " and ".join(name for name, kind in ARRIVALS.by_name.items() if issubclass(kind, RateArrivals))


def check_search(workload: Workload, objectives: "Objectives") -> None:
    """Refuse a search that has nothing to meet; raises ValueError."""
    if workload.profile.search is not None and not objectives.given:
        raise ValueError(
            "workload.profile.search needs objectives to meet: p50, p90, p95, p99, failures or goodput; "
            "write e.g. p99: 200ms"
        )


class Goodput(Strict):
    """The share of requests that are answered with success in good time."""

    within: Latency
    share: Share = Field(gt=0, le=1)


class ModelObjectives(Strict):
    """What the requests of a stage must hold to count as served well."""

    p50: Latency | None = Field(None, description="largest median latency of a stage's successes")
    p90: Latency | None = Field(None, description="the same for the latency that 90 in 100 do not exceed")
    p95: Latency | None = None
    p99: Latency | None = None
    failures: Share | None = Field(None, ge=0, le=1, description="largest share of failed requests")
    goodput: Goodput | None = None

    @property
    def given(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.percentiles) or self.failures is not None or self.goodput is not None

    @property
    def percentiles(self) -> dict[str, float]:
        """Those that have a limit, by name, lowest first; limits in seconds."""
        asked = {"p50": self.p50, "p90": self.p90, "p95": self.p95, "p99": self.p99}
        return {name: limit for name, limit in asked.items() if limit is not None}


class Objectives(ModelObjectives):
    """What a stage must hold to count as served well. The run exits with 1 when no stage does."""

    models: dict[str, ModelObjectives] = Field(
        {}, description="of a fleet: what the requests of one model must hold beside that, by its name"
    )

    @property
    @override
    def given(self) -> bool:
        return super().given or any(model.given for model in self.models.values())

    @property
    def limit_latency(self) -> bool:
        """Whether they say how long an answer may take, if only one of a single model."""
        return any(asked.percentiles or asked.goodput is not None for asked in (self, *self.models.values()))

    def of(self, model: str) -> ModelObjectives:
        """What one model of a fleet must hold for itself; nothing where nobody asked for it."""
        return self.models.get(model, ModelObjectives())
