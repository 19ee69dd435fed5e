"""What resources are called and tagged with: enough to find them, and to tell when nobody needs them any more."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

PREFIX = "mmebench-"
"""Of everything that is created."""

TOOL_TAG, RUN_TAG, OWNER_TAG, EXPIRES_TAG = "tool", "mmebench:run", "mmebench:owner", "mmebench:expires"

_NAME = re.compile(r"(?P<run>mmebench-(?P<expires>\d{8}t\d{6}z)-[0-9a-f]{8})")
_OF_RUN = re.compile(rf"{_NAME.pattern}(-[A-Za-z0-9-]+)?")
_STAMP = "%Y%m%dt%H%M%Sz"

Kind = Literal[
    "scalable-target",
    "inference-component",
    "endpoint",
    "endpoint-config",
    "model",
    "training-job",
    "processing-job",
    "objects",
]
_OF_ONE_MODEL: tuple[Kind, ...] = ("inference-component", "endpoint", "endpoint-config", "model")
"""A run may have several of them, and their names something behind the run's."""


@dataclass(frozen=True, order=True)
class Resource:
    """Something that was created.

    The name of ``objects`` is ``s3://bucket/prefix/run/``, that of a ``scalable-target``
    ``endpoint/run/variant/AllTraffic``; all others are called like their run, and those of one model by that and
    the model.
    """

    kind: Kind
    name: str
    region: str

    @property
    def run(self) -> str | None:
        """The run that it belongs to, whose name it has; what only resembles that is somebody else's."""
        if self.kind == "scalable-target":
            name = self.name.removeprefix("endpoint/").partition("/")[0]
        else:
            name = self.name.rstrip("/").rpartition("/")[2]
        found = (_OF_RUN if self.kind in _OF_ONE_MODEL else _NAME).fullmatch(name)
        return found["run"] if found else None

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.region})"


def run_name(expires: datetime) -> str:
    """A new name, with the expiry in it, that the endpoint has too: ``mmebench-20260102t030405z-1a2b3c4d``."""
    return f"{PREFIX}{expires.astimezone(UTC).strftime(_STAMP)}-{secrets.token_hex(4)}"


def component_prefix(run: str) -> str:
    """What the names of its components, and of its endpoints of one model, begin with."""
    return f"{run}-"


def expiry(name: str) -> datetime | None:
    """When the run of that name must be over at the latest; None for a name that is not one of ours."""
    match = _NAME.fullmatch(name)
    return datetime.strptime(match["expires"], _STAMP).replace(tzinfo=UTC) if match else None


def tags(run: str, owner: str) -> dict[str, str]:
    """The tags of everything that belongs to a run."""
    expires = expiry(run)
    return {
        TOOL_TAG: "mmebench",
        RUN_TAG: run,
        OWNER_TAG: owner,
        EXPIRES_TAG: expires.isoformat() if expires else "",
    }


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """As SageMaker's API takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
