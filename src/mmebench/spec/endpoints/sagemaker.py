"""A multi-model endpoint on Amazon SageMaker: what is created, where, and how much it may cost."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from mmebench.privacy import hide_accounts
from mmebench.spec.autoscaling import NO_AUTOSCALING, Autoscaling
from mmebench.spec.endpoints.component import Component
from mmebench.spec.endpoints.endpoint import PROFILE, ServedEndpoint
from mmebench.spec.endpoints.triton_image import (
    AOTI_BATCHES_FROM,
    AOTI_FROM,
    IMAGES,
    NEWEST,
    InferenceAmi,
    TritonImage,
    find_image,
    pytorch_of,
)
from mmebench.spec.hosting import Hosting
from mmebench.spec.platforms import AotInductor, PlatformSpec
from mmebench.spec.strict import Duration, EachOnce, OneOrSeveral

InstanceType = Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$", examples=["ml.g5.xlarge"])]
SESSION = "session"
"""Stands for what AWS's session says, as :mod:`mmebench.endpoints.sagemaker.session` finds it."""


def _one_or_several(schema: dict[str, Any]) -> None:
    """For editors: ``instance_type`` may stand where ``instance_types`` does."""
    several = schema["properties"]["instance_types"]
    one = several["anyOf"][0]
    schema["properties"]["instance_type"] = one | {"description": "short for instance_types with one"}
    schema["required"].remove("instance_types")
    schema["oneOf"] = [{"required": ["instance_type"]}, {"required": ["instance_types"]}]


class SageMakerEndpoint(ServedEndpoint):
    """A multi-model endpoint on SageMaker, created for each run and deleted after it.

    ``instance_type`` is short for ``instance_types`` with one of them.
    """

    model_config = ConfigDict(json_schema_extra=_one_or_several)

    kind: Literal["sagemaker"]
    instance_types: Annotated[OneOrSeveral[InstanceType], EachOnce] = Field(
        min_length=1, description="each is measured; GPU multi-model endpoints are documented for one-GPU types"
    )
    role: str = Field(
        SESSION,
        pattern=rf"^({SESSION}|arn:aws[a-z-]*:iam::\d{{12}}:role/[\w+=,.@/-]+)$",
        examples=["arn:aws:iam::123456789012:role/mme"],
        description="ARN of the execution role; session: the notebook's or the credentials' own; "
        "mmebench iam-policy prints what it needs",
    )
    region: str = Field(
        SESSION,
        pattern=rf"^({SESSION}|[a-z]{{2}}(-[a-z]+)+-\d)$",
        examples=["eu-central-1"],
        description="session: that of AWS_REGION or the profile, us-east-1 where neither says",
    )
    profile: str | None = Field(
        None,
        pattern=PROFILE,
        examples=["my-profile"],
        description="of ~/.aws/config, whose credentials are used; AWS_PROFILE unless told",
    )
    bucket: str = Field(
        SESSION,
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        examples=["my-bucket"],
        description="for archives; in the same region; session: sagemaker-<region>-<account>, made if need be",
    )
    prefix: str = Field(
        "mmebench",
        pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
        examples=["team/mmebench"],
        description="where in the bucket; no slash at its ends",
    )
    bucket_owner: str | None = Field(
        None,
        pattern=r"^\d{12}$",
        examples=["123456789012"],
        description="account that must own the bucket; that of the role unless told",
    )
    kms_key: str | None = Field(None, min_length=1, description="encrypts archives; else a key of S3's own does")
    triton: str = Field(
        "25.09", pattern=r"^\d\d\.\d\d$", examples=["25.09"], description="version of SageMaker's Triton image"
    )
    image: str | None = Field(None, min_length=1, description="URI of another image, instead of triton")
    ami: InferenceAmi | None = Field(
        None, description="host image, and with it the GPU driver; the one that fits the image's CUDA unless told"
    )
    hosting: Hosting = Field(
        "multi-model",
        description="components: an inference component a target, on one endpoint; single: an endpoint a target",
    )
    component: Component | None = Field(None, description="with hosting components: what each of them reserves")
    most_endpoints: int = Field(
        3, ge=1, le=100, description="with hosting single: endpoints at most; on the others no load is offered"
    )
    instance_count: int = Field(1, ge=1, le=100, description="instances behind one endpoint")
    autoscaling: Autoscaling | None = Field(
        None, description="so many instances as their requests need; instance_count is how many there are at first"
    )
    blue_green: bool = Field(
        False,
        description="experiment restart may put new instances in the place of all; both fleets are paid for "
        "meanwhile, and budget and quota have to allow for both",
    )
    model_cache_setting: Literal["Enabled", "Disabled"] = Field(
        "Enabled", description="Disabled: a target leaves memory and disk after use"
    )
    startup_timeout: Duration = Field(600.0, ge=60, le=3600, description="for the container's first healthy ping")
    download_timeout: Duration = Field(600.0, ge=60, le=3600, description="for one archive to reach the instance")
    creation_timeout: Duration = Field(3600.0, ge=60, description="for the endpoint to be in service")
    lifetime: Duration = Field(
        7200.0, ge=60, le=86_400, description="longest life of one endpoint; then the run ends and it is deleted"
    )
    budget: float = Field(
        20.0, gt=0, allow_inf_nan=False, description="US dollars that all endpoints of the spec may cost together"
    )
    prices: dict[InstanceType, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        {}, description="US dollars an hour, instead of those that AWS publishes"
    )
    at_once: int = Field(
        2, ge=1, le=16, description="endpoints that exist together: one is measured while the next comes up"
    )
    keep: bool = Field(
        False,
        description="leave the endpoint there after the run, until lifetime is over or clean --run deletes it",
    )
    engine_builder: Literal["training", "processing", "local"] = Field(
        "training",
        description="what runs trtexec, and compiles pt2: a SageMaker job on the endpoint's instance type, or "
        "this machine",
    )
    compiler_image: str | None = Field(
        None,
        min_length=1,
        examples=["123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch:26.05-py3"],
        description="URI of the image whose PyTorch compiles pt2 in that job; no newer than Triton's own",
    )

    beside: ClassVar[frozenset[str]] = frozenset(
        {
            "at_once", "blue_green", "bucket", "bucket_owner", "budget", "creation_timeout", "engine_builder",
            "keep", "kms_key", "lifetime", "prefix", "prices", "profile", "role",
        }
    )  # fmt: skip
    """Fields that change nothing of what is measured."""

    opener: ClassVar[str] = "mmebench.endpoints.sagemaker.opener:SageMakerOpener"

    @property
    @override
    def instance_type(self) -> str:
        """The first; the only one of what :meth:`each` gives."""
        return self.instance_types[0]

    @property
    @override
    def all_instances(self) -> int:
        return self.instance_count * (self.most_endpoints if self.hosting == "single" else 1)

    @property
    def most_instances(self) -> int:
        """That there may be at any time, behind all endpoints that exist for one run."""
        of_fleet = self.all_instances if self.autoscaling is None else self.autoscaling.max
        return of_fleet * (2 if self.blue_green else 1)

    @property
    @override
    def most_targets(self) -> int | None:
        return self.most_endpoints if self.hosting == "single" else None

    @property
    @override
    def loads_on_demand(self) -> bool:
        return self.hosting == "multi-model"

    @property
    @override
    def cannot_scale(self) -> str | None:
        return None if self.autoscaling is not None else NO_AUTOSCALING

    @property
    @override
    def cannot_deploy(self) -> str | None:
        if self.blue_green:
            return None
        return (
            "its instances stay as they are; allowed: endpoint.blue_green: true, which pays for a second fleet "
            "while it takes the place of the first; set it, or leave the experiment out"
        )

    @property
    @override
    def cannot_lose(self) -> str | None:
        return (
            "on SageMaker nobody but AWS ends an instance; allowed there: by: deployment; set that, or measure "
            "a local endpoint"
        )

    @property
    @override
    def aws_profile(self) -> str | None:
        return self.profile

    @property
    @override
    def opened_at_once(self) -> int:
        return self.at_once

    @property
    @override
    def lacks_int64_engines(self) -> str | None:
        if self.triton_image is None or self.triton_image.tensorrt > 8:
            return None
        since = next(image.version for image in IMAGES.values() if image.tensorrt > 8)
        return (
            f"endpoint.triton: got {self.triton}; take {since} or later: TensorRT 8 of that image takes no "
            "64-bit integers"
        )

    @property
    def triton_image(self) -> TritonImage | None:
        """What is known of the image; None of the user's own, and where there is no such version."""
        return find_image(self.triton) if self.image is None else None

    @property
    @override
    def pytorch(self) -> tuple[int, int] | None:
        return pytorch_of(self.triton) if self.image is None else None

    @property
    @override
    def compiles_in_job(self) -> bool:
        return self.engine_builder != "local"

    @property
    @override
    def lacks_compiler(self) -> str | None:
        if self.compiler_image is not None:
            return None
        serving = f"Triton {self.triton}" if self.image is None else "endpoint.image"
        known = f", {'.'.join(map(str, self.pytorch))}" if self.pytorch else ""
        same = (
            f"nvcr.io/nvidia/pytorch:{self.triton}-py3" if self.image is None else "NVIDIA's of the same release"
        )
        return (
            "endpoint.compiler_image: got none; pt2 is compiled on the instance's GPU by a job, whose image needs "
            f"Python with the PyTorch of {serving}{known}, or an older one; push {same}, which Triton's is built "
            "from, into ECR and give its URI, or compile on a machine with that GPU: engine_builder: local"
        )

    @property
    @override
    def remarks(self) -> tuple[str, ...]:
        if self.image is not None or self.triton <= NEWEST:
            return ()
        return (
            f"endpoint.triton: {self.triton} is newer than {NEWEST}, the newest that is known here; it is taken "
            "for one with the same CUDA, on the same host",
        )

    @override
    def cannot_serve(self, platform: PlatformSpec, max_batch_size: int) -> str | None:
        if self.image is not None or not isinstance(platform, AotInductor):
            return None
        if self.triton < AOTI_FROM:
            return (
                f"endpoint.triton: got {self.triton}; take {AOTI_FROM} or later: Triton serves {platform.kind} "
                "from then on"
            )
        if max_batch_size > 1 and self.triton < AOTI_BATCHES_FROM:
            return (
                f"endpoint.triton: got {self.triton}, which serves {platform.kind} row by row; set "
                f"max_batch_size: 1, or take {AOTI_BATCHES_FROM} or later, or one with batches as endpoint.image"
            )
        return None

    @property
    def role_account(self) -> str:
        """Where everything but the bucket is; that need not be of the same."""
        return self.role.split(":")[4]

    @property
    def account(self) -> str:
        """The account that must own the bucket."""
        return self.bucket_owner or self.role_account

    @override
    def each(self) -> tuple[Self, ...]:
        return tuple(self.model_copy(update={"instance_types": (one,)}) for one in self.instance_types)

    @model_serializer(mode="wrap")
    def _without_accounts(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is written into results names no account, whatever it was given in."""
        written: dict[str, Any] = serialize(self)
        return {key: hide_accounts(value) if isinstance(value, str) else value for key, value in written.items()}

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, dict) and "instance_type" in value:
            if "instance_types" in value:
                raise ValueError("got both instance_type and instance_types; give one of them")
            rest = {key: item for key, item in value.items() if key != "instance_type"}
            return rest | {"instance_types": [value["instance_type"]]}
        return value

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        if self.image is not None and "triton" in self.model_fields_set:
            raise ValueError("got both triton and image; give one of them")
        return self

    @model_validator(mode="after")
    def _hosted_as_it_can_be(self) -> Self:
        hosting, scaling = self.hosting, self.autoscaling
        if hosting == "components" and self.component is None:
            raise PydanticCustomError(
                "component",
                "component: memory_per_copy is missing, which hosting components reserves for each copy; "
                "allowed: a size of 128MiB or more; write e.g. component: {memory_per_copy: 2GiB}, or measure "
                "hosting multi-model first, which says what a model takes",
            )
        only_multi_model = {
            "autoscaling": scaling is not None,
            "blue_green": self.blue_green,
            "model_cache_setting Disabled": self.model_cache_setting == "Disabled",
        }
        if hosting != "multi-model" and any(only_multi_model.values()):
            field = next(name for name, asked in only_multi_model.items() if asked)
            raise PydanticCustomError(
                "hosting",
                f"hosting: got {hosting} with {field}, which is for multi-model; allowed: without it; leave out "
                "one of them",
            )
        if scaling is not None and not scaling.min <= self.instance_count <= scaling.max:
            raise PydanticCustomError(
                "instance_count",
                f"instance_count: got {self.instance_count}; allowed: from autoscaling.min to autoscaling.max, "
                f"{scaling.min} to {scaling.max}; change one of them",
            )
        return self
