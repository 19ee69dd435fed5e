"""Endpoints that run already, in a spec of ``mmebench load``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mmebench.spec.endpoints.endpoint import PROFILE
from mmebench.spec.hosting import Hosting
from mmebench.spec.strict import EachOnce, ListOrMapping, Name, Strict


class TargetPattern(Strict):
    """Targets that differ in a number."""

    pattern: str = Field(
        pattern=r"^[^{}]*\{\}[^{}]*$",
        examples=["resnet50-v{}.tar.gz"],
        description="{} stands for the number: resnet50-v{}.tar.gz",
    )
    count: int = Field(ge=1, le=100_000)
    first: int = Field(0, ge=0, description="number of the first target")

    @property
    def names(self) -> tuple[str, ...]:
        """The targets, in order."""
        return tuple(self.pattern.replace("{}", str(self.first + number)) for number in range(self.count))


TargetName = Annotated[str, Field(pattern=r"^[\x21-\x7e]+$", max_length=1024, examples=["resnet50-v0.tar.gz"])]


AnyTargetNames = ListOrMapping[Annotated[tuple[TargetName, ...], EachOnce], TargetPattern]


def names_of(targets: tuple[str, ...] | TargetPattern) -> tuple[str, ...]:
    """The targets, in order."""
    return targets.names if isinstance(targets, TargetPattern) else targets


class ExistingEndpoint(Strict):
    """An endpoint that already runs, here or on SageMaker; nothing is created and nothing removed."""

    kind: Literal["existing"]
    name: Name
    hosting: Hosting = Field(
        "multi-model",
        description="multi-model: targets are archives; components: they are the names of inference components; "
        "single: they are the names of endpoints, each of one model, and name is what results call them together",
    )
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]+$", examples=["us-east-1"])
    url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#@]+/?$",
        examples=["http://127.0.0.1:8080"],
        description="base URL; that of SageMaker in the region unless told",
    )
    profile: str | None = Field(
        None,
        pattern=PROFILE,
        examples=["my-profile"],
        description="of ~/.aws/config, whose credentials requests are signed with; AWS_PROFILE unless told",
    )
    fips: bool = Field(False, description="SageMaker's endpoint with validated cryptography")
    ca: Path | None = Field(None, description="certificates (PEM) to trust instead of the system's")
    targets: AnyTargetNames = Field((), description="names, or {pattern: …, count: …}; of a fleet in models")
    instance_type: str = Field(
        "existing",
        pattern=r"^[A-Za-z0-9.-]+$",
        examples=["ml.g5.xlarge"],
        description="what results are filed under",
    )

    @property
    def label(self) -> str:
        """What results are filed under."""
        return self.instance_type if self.hosting == "multi-model" else f"{self.instance_type}-{self.hosting}"

    @property
    def target_names(self) -> tuple[str, ...]:
        """The targets, in order."""
        return names_of(self.targets)
