"""The local endpoint in a spec."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from mmebench.spec.autoscaling import NO_AUTOSCALING, LocalAutoscaling
from mmebench.spec.containers import container_names
from mmebench.spec.endpoints.endpoint import ServedEndpoint
from mmebench.spec.hosting import Hosting
from mmebench.spec.routing import AnyRouting, Busy
from mmebench.spec.strict import EachOnce, Name, Size

_CONTAINER_URL = re.compile(r"http://[^/?#@\s]+/?")


def _container(value: str) -> str:
    if value in container_names() or (_CONTAINER_URL.fullmatch(value) and _has_address(value)):
        return value
    raise PydanticCustomError(
        "container",
        f"allowed: {', '.join(container_names())}, or the URL of an MME container like http://127.0.0.1:8080, "
        "whose port is 65535 at most",
    )


def _numbers(value: Any) -> Any:
    """``0,1`` on the command line; an empty text is no GPU."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    return [int(part) if part.isascii() and part.isdigit() else part for part in parts]


def _pairs(value: Any) -> Any:
    """``max=4,invocations_per_instance=600``, as a command line has it, or JSON."""
    if not isinstance(value, str):
        return value
    if value.startswith("{"):
        return json.loads(value)
    return {name.strip(): text.strip() for name, _, text in (part.partition("=") for part in value.split(","))}


def _has_address(url: str) -> bool:
    """Whether somebody could listen there."""
    try:
        address = urlsplit(url)
        return bool(address.hostname) and address.port != 0
    except ValueError:  # no port can be that, or no host
        return False


LOAD_CONCURRENCY = 2
"""With the model cache. AWS publishes no figure, only that without it more are loaded at once, by the cores."""
_OURS = frozenset({"CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR"})
_WITHHELD = ("AWS_", "MMEBENCH_")
"""What the container of a local endpoint is never told: it runs strangers' models."""
_Number = Annotated[int, Field(ge=0, strict=True)]


class LocalEndpoint(ServedEndpoint):
    """A multi-model endpoint on this machine: a real Triton behind the SageMaker Runtime API."""

    kind: Literal["local"] = "local"
    name: Name = "local"
    memory: Size | None = Field(
        None,
        gt=0,
        description="what resident targets of an instance may use together, of each GPU where there are any, else "
        "of the host's memory; then one is evicted. Unless told, 4 GiB of the host, or what is free of each GPU "
        "but 512 MiB",
    )
    host_memory: Size | None = Field(
        None,
        gt=0,
        description="what they may use of the host's memory beside that of GPUs; 90 % of it unless told",
    )
    devices: Annotated[tuple[_Number, ...], BeforeValidator(_numbers), EachOnce] | None = Field(
        None, description="the GPUs that targets run on, by their numbers; all unless told. [] is the CPU"
    )
    container: Annotated[str, AfterValidator(_container)] = Field(
        "auto",
        description="auto: triton where it runs, else the Python fallback, labelled as such; or a URL of any "
        "server of the MME container contract",
    )
    model_directory: Path = Field(
        Path("/opt/ml/models"),
        description="where a container given by URL finds unpacked archives: the same path on both sides",
    )
    disk: Size | None = Field(
        None, gt=0, description="what unpacked archives may use together; without, all the disk has"
    )
    price: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="what an hour of an instance costs, in US dollars"
    )
    model_cache_setting: Literal["Enabled", "Disabled"] = Field(
        "Enabled", description="Disabled: a target leaves memory and disk after use, as on SageMaker"
    )
    load_concurrency: int | None = Field(
        None, ge=1, le=64, description="targets loaded at once; 2 unless told, or one a core without model cache"
    )

    hosting: Hosting = Field(
        "multi-model",
        description="components: each target stays in memory, and what has no room is refused; single: each has "
        "an instance of its own, of which there are as many as instances says",
    )
    instances: int = Field(
        1,
        ge=1,
        le=16,
        description="so many of them behind one endpoint, each with memory and a container of its own",
    )
    autoscaling: Annotated[LocalAutoscaling, BeforeValidator(_pairs)] | None = Field(
        None, description="so many instances as their requests need; instances is how many there are at first"
    )
    routing: AnyRouting = "sticky"
    busy: Busy = 8

    @property
    @override
    def all_instances(self) -> int:
        return self.instances

    @property
    @override
    def most_targets(self) -> int | None:
        return self.instances if self.hosting == "single" else None

    @property
    @override
    def loads_on_demand(self) -> bool:
        return self.hosting == "multi-model"

    @property
    def most_instances(self) -> int:
        """That there may be at any time."""
        return self.instances if self.autoscaling is None else self.autoscaling.max

    @property
    @override
    def cannot_scale(self) -> str | None:
        return None if self.autoscaling is not None else NO_AUTOSCALING

    @property
    @override
    def cannot_deploy(self) -> str | None:
        if self.container_url is None:
            return None
        return (
            "nobody but you can start the container at a URL anew; allowed: containers that mmebench starts; "
            "leave it out, or leave endpoint.container out"
        )

    @property
    def container_url(self) -> str | None:
        """The URL of a container that somebody else has started; None for one that is ours to start."""
        return self.container if _CONTAINER_URL.fullmatch(self.container) else None

    beside: ClassVar[frozenset[str]] = frozenset({"price"})
    opener: ClassVar[str] = "mmebench.endpoints.local:LocalOpener"

    @model_validator(mode="after")
    def _its_variables_reach_it(self) -> Self:
        if self.environment and self.container_url is not None:
            raise PydanticCustomError(
                "environment",
                "environment: got variables for a container given by URL; allowed: those it was started with; "
                "leave them out",
            )
        for name in self.environment:
            if name in _OURS or name.startswith(_WITHHELD):
                raise PydanticCustomError(
                    "environment",
                    f"environment: got {name}, which the local endpoint says itself; allowed: any other name "
                    "but of AWS_… and MMEBENCH_…; leave it out",
                )
        return self

    @model_validator(mode="after")
    def _each_instance_has_a_container(self) -> Self:
        scaling = self.autoscaling
        if self.hosting != "multi-model" and (scaling is not None or self.container_url is not None):
            field = "container" if scaling is None else "autoscaling"
            raise PydanticCustomError(
                "hosting",
                f"hosting: got {self.hosting} with {field}, which is for multi-model; allowed: without it; leave "
                "out one of them",
            )
        if self.hosting != "multi-model" and self.model_cache_setting == "Disabled":
            raise PydanticCustomError(
                "hosting",
                f"hosting: got {self.hosting}, whose models stay in memory, without model cache; allowed: "
                "model_cache_setting Enabled; leave it out",
            )
        if scaling is not None and "instances" not in self.model_fields_set:
            raise PydanticCustomError(
                "autoscaling",
                "autoscaling: instances is missing; allowed: with how many there are at first; write e.g. "
                "instances: 1",
            )
        if scaling is not None and not scaling.min <= self.instances <= scaling.max:
            raise PydanticCustomError(
                "instances",
                f"instances: got {self.instances}; allowed: from autoscaling.min to autoscaling.max, "
                f"{scaling.min} to {scaling.max}; change one of them",
            )
        if self.most_instances > 1 and self.container_url is not None:
            raise PydanticCustomError(
                "instances",
                f"instances: got {self.most_instances}, and a container given by URL is one instance; "
                "allowed: 1; leave it out, or leave container out",
            )
        return self

    @model_validator(mode="after")
    def _one_decides_about_memory(self) -> Self:
        for name in ("memory", "host_memory"):
            if self.container_url is not None and getattr(self, name) is not None:
                raise PydanticCustomError(
                    "memory", f"{name}: a container given by URL says itself when it is full; leave it out"
                )
        return self
