"""The spec: what the user asks for, as strict models of one YAML file.

``load_spec`` is the only way in. A field that is not known, a value of the wrong type or a combination that
cannot work is refused there, before anything is started, with one message that names every mistake.
"""

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from mmebench.errors import BadInputError
from mmebench.tensors import TensorSpec
from mmebench.units import seconds

Duration = Annotated[float, BeforeValidator(seconds)]
"""Seconds, written 200ms, 30s, 2m or as a number."""

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")]
"""A SageMaker resource name: letters, digits and inner hyphens, 63 at most."""


class Strict(BaseModel):
    """A part of the spec: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


# --- model ---------------------------------------------------------------------------------------------------


class TimmModel(Strict):
    """An image model of timm, by its name there."""

    source: Literal["timm"]
    name: str = Field(description="as timm lists it, e.g. resnet50 or vit_base_patch16_224")
    weights: str = Field("pretrained", description="pretrained, random, or the path of a checkpoint")


class TorchvisionModel(Strict):
    """A classification model of torchvision, by its name there."""

    source: Literal["torchvision"]
    name: str = Field(description="as torchvision lists it, e.g. resnet50")
    weights: str = Field("pretrained", description="pretrained, random, or the path of a state dict")


class HuggingFaceModel(Strict):
    """A text encoder or sequence classifier of the Hugging Face hub or of a local folder."""

    source: Literal["huggingface"]
    name: str = Field(description="a hub name, e.g. bert-base-uncased, or a folder with config.json")
    weights: str = Field("pretrained", description="pretrained, random, or the folder that holds them")
    task: Literal["encoder", "sequence-classification"] = Field(
        "encoder", description="the hidden states (AutoModel), or a classification head on top"
    )


class FileModel(Strict):
    """A model of the user's own: TorchScript (.pt), ONNX (.onnx) or a ready Triton archive (.tar.gz)."""

    source: Literal["file"]
    path: Path
    inputs: tuple[TensorSpec, ...] = Field(min_length=1, description="as the model takes them, without batch")
    outputs: tuple[TensorSpec, ...] = Field(min_length=1, description="as the model gives them, without batch")


ModelSpec = Annotated[TimmModel | TorchvisionModel | HuggingFaceModel | FileModel, Field(discriminator="source")]

# --- platform ------------------------------------------------------------------------------------------------


class DynamicBatching(Strict):
    """Triton joins requests that wait at the same time into one execution."""

    preferred: tuple[int, ...] = Field((), description="batch sizes worth waiting for; none: whatever waits")
    max_queue_delay: Duration = Field(0.0, description="longest wait for more requests")


class PlatformSpec(Strict):
    """The served form of the model and how Triton runs it. A bare ``pt`` is short for ``{kind: pt}``."""

    kind: Literal["pt", "onnx", "openvino", "trt"]
    precision: Literal["fp32", "fp16"] = "fp32"
    max_batch_size: int = Field(8, ge=0, le=1024, description="0: the model has no batch dimension")
    dynamic_batching: DynamicBatching | None = Field(
        DynamicBatching(), description="null: each request is executed alone"
    )
    instances: int = Field(1, ge=1, le=64, description="copies of the model inside one target")
    device: Literal["gpu", "cpu"] = Field("gpu", description="gpu becomes cpu on a machine without one")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _batching_needs_batches(self) -> "PlatformSpec":
        if self.max_batch_size == 0 and self.dynamic_batching is not None:
            raise ValueError("max_batch_size 0 leaves nothing to batch; set dynamic_batching: null")
        if self.dynamic_batching and any(b > self.max_batch_size for b in self.dynamic_batching.preferred):
            raise ValueError(f"dynamic_batching.preferred goes over max_batch_size {self.max_batch_size}")
        return self


# --- endpoint ------------------------------------------------------------------------------------------------


class LocalEndpoint(Strict):
    """A multi-model endpoint on this machine: a real Triton behind the SageMaker Runtime API."""

    kind: Literal["local"] = "local"
    name: Name = "local"
    memory: ByteSize = Field(
        ByteSize(4 * 1024**3), gt=0, description="what resident targets may use together; then one is evicted"
    )
    container: Literal["auto", "triton", "python"] = Field(
        "auto", description="auto: triton where it runs, else the Python fallback, labelled as such"
    )


# --- targets and workload ------------------------------------------------------------------------------------


class Targets(Strict):
    """How many copies of the model stand behind the endpoint: a number, what fits, or a multiple of that."""

    count: int | Literal["capacity"] = Field(
        "capacity", description="a number (at least 1), or capacity: as many as fit without an eviction"
    )
    capacity: float | None = Field(None, gt=0, description="instead of count: this many times what fits")
    limit: int = Field(500, ge=1, description="the search for capacity stops here")
    threshold: float | None = Field(
        None, gt=0, le=1, description="stop filling at this share of memory instead of at the first eviction"
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Targets":
        if self.capacity is not None and "count" in self.model_fields_set:
            raise ValueError("got both count and capacity; give one of them")
        if isinstance(self.count, int) and self.count < 1:
            raise ValueError(f"got count {self.count}; allowed: 1 or more, or capacity")
        return self


class Payload(Strict):
    """What one request carries."""

    encoding: Literal["binary", "json"] = Field("binary", description="tensors as raw bytes, or as JSON lists")
    batch: int = Field(1, ge=1, le=1024, description="rows in a request")
    sequence_length: int = Field(128, ge=1, description="tokens in a row of text")
    seed: int = 0


class Uniform(Strict):
    """Each target is as likely as any other."""

    kind: Literal["uniform"] = "uniform"
    seed: int = 0


class ClosedLoop(Strict):
    """Each user waits for its answer, thinks, and sends the next request."""

    kind: Literal["closed"] = "closed"
    think_time: Duration = 0.0


class Stage(Strict):
    """One stretch of constant load."""

    users: int = Field(ge=1, le=100_000)
    duration: Duration = Field(30.0, gt=0, description="the whole stage, warm-up included")
    warmup: Duration | None = Field(
        None, description="left out of every figure; a fifth of the duration unless told"
    )

    @model_validator(mode="after")
    def _something_counts(self) -> "Stage":
        if self.warmup is not None and self.warmup >= self.duration:
            raise ValueError(f"warm-up {self.warmup:g} s leaves nothing of the stage's {self.duration:g} s")
        return self

    @property
    def warmup_seconds(self) -> float:
        """The part at the start that does not count."""
        return self.duration / 5 if self.warmup is None else self.warmup


class Profile(Strict):
    """The stages, one after another."""

    stages: tuple[Stage, ...] = Field(
        tuple(Stage(users=users) for users in range(20, 201, 20)),
        min_length=1,
        description="20 to 200 users in steps of 20, 30 s each, unless told",
    )


class Workload(Strict):
    """What is asked of the endpoint: payload, popularity of the targets, arrivals, profile."""

    payload: Payload = Payload()
    popularity: Uniform = Uniform()
    arrivals: ClosedLoop = ClosedLoop()
    profile: Profile = Profile()


class Objectives(Strict):
    """What a stage must hold to count as served well. The run exits with 1 when no stage does."""

    p99: Duration | None = None
    failures: float | None = Field(None, ge=0, le=1, description="largest share of failed requests")


class Spec(Strict):
    """One benchmark: a model on one or more platforms, on one endpoint, under one workload."""

    model: ModelSpec
    platforms: tuple[PlatformSpec, ...] = Field(min_length=1)
    endpoint: LocalEndpoint = LocalEndpoint()
    targets: Targets = Targets()
    workload: Workload = Workload()
    objectives: Objectives = Objectives()

    @model_validator(mode="after")
    def _parts_go_together(self) -> "Spec":
        kinds = [platform.kind for platform in self.platforms]
        if len(set(kinds)) < len(kinds):
            raise ValueError(f"platforms names one twice: {', '.join(kinds)}; run them as two specs")
        batch = self.workload.payload.batch
        for platform in self.platforms:
            if batch > max(platform.max_batch_size, 1):
                raise ValueError(
                    f"workload.payload.batch {batch} goes over max_batch_size {platform.max_batch_size} "
                    f"of platform {platform.kind}"
                )
        return self


# --- reading -------------------------------------------------------------------------------------------------


def load_spec(path: Path, overrides: tuple[str, ...] = ()) -> Spec:
    """The spec in the YAML file ``path``, after ``overrides`` of the form ``workload.payload.batch=4``.

    Raises:
        BadInputError: the file cannot be read, or something in it is not allowed; the message lists all of it.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(
            f"{path}: {error.strerror}; give the path of a spec, e.g. examples/demo.yaml"
        ) from None
    except UnicodeDecodeError:
        raise BadInputError(f"{path}: not a text file; a spec is YAML in UTF-8") from None
    except yaml.YAMLError as error:
        raise BadInputError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(raw, dict):
        raise BadInputError(f"{path}: got {type(raw).__name__}, a spec is a mapping with model, platforms, …")
    for override in overrides:
        _override(raw, override)
    try:
        return Spec.model_validate(raw)
    except ValidationError as error:
        mistakes = "\n".join(f"  {line}" for line in _mistakes(error))
        raise BadInputError(f"{path}: not a valid spec\n{mistakes}") from None


def _override(raw: dict[str, Any], override: str) -> None:
    """Set one value in place; list items are addressed by number (``platforms.0.precision=fp16``)."""
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise BadInputError(f"--set {override}: write KEY=VALUE, e.g. --set workload.payload.batch=4")
    *parents, last = key.split(".")
    node: Any = raw
    try:
        for parent in parents:
            node = node[int(parent)] if isinstance(node, list) else node.setdefault(parent, {})
        if isinstance(node, list):
            node[int(last)] = yaml.safe_load(value)
        elif isinstance(node, dict):
            node[last] = yaml.safe_load(value)
        else:
            raise TypeError
    except (IndexError, ValueError, TypeError, AttributeError):
        raise BadInputError(f"--set {override}: the spec has no place {key}") from None
    except yaml.YAMLError:
        raise BadInputError(f"--set {override}: {value!r} is not a YAML value") from None


def _mistakes(error: ValidationError) -> list[str]:
    """One line a mistake: where, what was got, what is allowed."""
    lines = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"]) or "spec"
        got = item["input"]
        match item["type"]:
            case "extra_forbidden":
                lines.append(f"{where}: unknown key{_suggestion(item['loc'])}")
            case "missing":
                lines.append(f"{where}: missing")
            case "union_tag_not_found":
                lines.append(f"{where}: needs {item['ctx']['discriminator']} to say which kind it is")
            case "union_tag_invalid":
                lines.append(f"{where}: got {item['ctx']['tag']!r}; allowed: {item['ctx']['expected_tags']}")
            case "literal_error":
                lines.append(f"{where}: got {got!r}; allowed: {item['ctx']['expected']}")
            case "value_error":
                lines.append(f"{where}: {item['ctx']['error']}")
            case _:
                shown = f"got {got!r}; " if isinstance(got, (str, int, float)) else ""
                lines.append(f"{where}: {shown}{item['msg'][0].lower()}{item['msg'][1:]}")
    return lines


def _suggestion(location: tuple[int | str, ...]) -> str:
    """`` (allowed here: …; did you mean …?)``, found by walking the JSON schema down to the unknown key."""
    definitions = TypeAdapter(Spec).json_schema()
    nodes = [definitions]
    for part in location[:-1]:
        nodes = [child for node in nodes for child in _children(definitions, node, part)]
    allowed = sorted({key for node in nodes for key in node.get("properties", {})})
    if not allowed:
        return ""
    close = difflib.get_close_matches(str(location[-1]), allowed, n=1)
    return f"; allowed: {', '.join(allowed)}" + (f"; did you mean {close[0]}?" if close else "")


def _children(definitions: dict[str, Any], node: dict[str, Any], part: int | str) -> list[dict[str, Any]]:
    """The schema nodes one step below ``node``; a union's tag (``timm``) is a step of its own in a location."""
    if isinstance(part, int):
        found = [node["items"]] if "items" in node else []
    elif part in node.get("properties", {}):
        found = [node["properties"][part]]
    elif "discriminator" in node:
        found = [{"$ref": node["discriminator"]["mapping"][part]}]
    else:
        found = []
    resolved = []
    for child in found:
        for option in child.get("anyOf", [child]):
            reference = option.get("$ref")
            resolved.append(definitions["$defs"][reference.rsplit("/", 1)[1]] if reference else option)
    return resolved
