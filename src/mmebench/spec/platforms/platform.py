"""Which platform: the served form of the model and how Triton runs it."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mmebench.errors import BadInputError
from mmebench.spec.strict import Duration, Strict
from mmebench.spec.variants import RunName


class DynamicBatching(Strict):
    """Triton joins requests that wait at the same time into one execution."""

    preferred: tuple[int, ...] = Field((), description="batch sizes worth waiting for; none: whatever waits")
    max_queue_delay: Duration = Field(0.0, description="longest wait for more requests")


Name = Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$", examples=["pt"])]


def platform_label(kind: str, precision: str) -> str:
    """What files, tables and charts call a platform: ``onnx``, or ``onnx-fp16`` where precision was lowered."""
    return f"{kind}-fp16" if precision == "fp16" else kind


class PlatformSpec(Strict):
    """The served form of the model and how Triton runs it. A bare ``pt`` is short for ``{kind: pt}``.

    How a ready Triton archive is run is decided by its config.pbtxt; what is said here must then be the same.
    """

    kind: Name
    name: RunName | None = Field(
        None, description="what its runs are called; its kind, and precision where that is lowered, unless told"
    )
    precision: Literal["fp32", "fp16"] = "fp32"
    max_batch_size: int = Field(
        8, ge=0, le=1024, description="0: the model has no batch dimension, and shapes are whole"
    )
    dynamic_batching: DynamicBatching | None = Field(
        DynamicBatching(), description="null: each request is executed alone"
    )
    instances: int = Field(1, ge=1, le=64, description="copies of the model inside one target")
    device: Literal["gpu", "cpu"] = Field(
        "gpu", description="gpu becomes cpu on a machine without one; where there is one, it is never left unused"
    )

    arena: Literal["keep", "shrink"] = Field(
        "keep",
        description="shrink: GPU memory that an inference leaves unused is given back after it, which takes time",
    )

    config: str | None = Field(
        None,
        examples=["optimization { graph { level: 1 } }"],
        description="more of Triton's config.pbtxt, as text: parameters, optimization, model_warmup, "
        "dynamic_batching { priority_levels: 2 }, …",
    )

    exporter: ClassVar[str | None] = None
    """The module that exports to it (:class:`mmebench.models.platforms.Exporter`), imported when it is wanted."""
    extra: ClassVar[str] = "models"
    """What ``pip install 'mmebench[…]'`` brings its libraries."""
    served_by: ClassVar[tuple[str, ...]] = ()
    """What a config.pbtxt may call it, as ``backend`` or as ``platform``."""
    templates: ClassVar[str] = "mmebench.models"
    """The package whose folder ``templates`` has a config for images and one for texts: ``<kind>_cv.pbtxt``,
    ``<kind>_nlp.pbtxt``."""
    on_gpu: ClassVar[bool] = True
    """Whether Triton's backend takes instances on a GPU."""
    shrinks_by: ClassVar[tuple[str, str] | None] = None
    """Name and value of the parameter by which Triton's backend is told to give memory back after an inference."""
    describes_itself: ClassVar[bool] = False
    """Whether Triton finds inputs and outputs in the model where a config.pbtxt leaves them out."""
    built: ClassVar[bool] = False
    """Whether it takes an engine that is built on the GPU that serves it."""
    compiled: ClassVar[bool] = False
    """Whether an export is machine code, for the kind of device that it was made on."""

    @property
    def template(self) -> str:
        """What the names of its configs begin with."""
        return self.kind

    @property
    def label(self) -> str:
        """What its runs are called."""
        return self.name or platform_label(self.kind, self.precision)

    @model_validator(mode="before")
    @classmethod
    def _no_batches(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("max_batch_size") == 0:
            return {"dynamic_batching": None} | value
        return value

    @model_validator(mode="after")
    def _more_is_what_triton_knows(self) -> Self:
        if self.config is not None:
            from mmebench.formats.triton_config import parse_more  # which takes long to import

            try:
                parse_more(self.config, "config")
            except BadInputError as error:
                raise ValueError(str(error)) from None
        return self

    @model_validator(mode="after")
    def _batching_needs_batches(self) -> Self:
        if self.max_batch_size == 0 and self.dynamic_batching is not None:
            raise ValueError("max_batch_size 0 leaves nothing to batch; set dynamic_batching: null")
        if self.dynamic_batching and any(b > self.max_batch_size for b in self.dynamic_batching.preferred):
            raise ValueError(
                f"dynamic_batching.preferred goes over max_batch_size {self.max_batch_size}; raise that"
            )
        if self.arena == "shrink" and self.shrinks_by is None:
            raise ValueError(
                "arena: shrink is for pt, pt2 and onnx; no arena is kept by the backend of this platform; leave "
                "it out"
            )
        return self
