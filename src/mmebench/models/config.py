"""The config.pbtxt of a package: the template of its platform and task, filled with what is served."""

from collections.abc import Sequence
from importlib import resources
from typing import Any

from tritonclient.grpc import model_config_pb2 as triton

from mmebench.formats.tensors import TensorSpec
from mmebench.formats.triton_config import ModelConfig, parse, parse_more, render
from mmebench.models.model import Task
from mmebench.spec import PlatformSpec


def make_config(
    platform: PlatformSpec, task: Task, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> str:
    """The text of a config that serves these tensors as ``platform`` says.

    It has no name: Triton takes the target's, so that one archive can stand behind many targets.

    Raises:
        BadInputError: Triton would not load a model of such tensors.
    """
    config = template(platform, task)
    config.max_batch_size = platform.max_batch_size
    for field, tensors in ((config.input, inputs), (config.output, outputs)):
        del field[:]
        add_tensors(field, tensors)
    config.ClearField("dynamic_batching")
    if platform.dynamic_batching is not None:
        config.dynamic_batching.SetInParent()
        config.dynamic_batching.preferred_batch_size.extend(platform.dynamic_batching.preferred)
        config.dynamic_batching.max_queue_delay_microseconds = round(
            platform.dynamic_batching.max_queue_delay * 1e6
        )
    config.ClearField("instance_group")
    config.instance_group.add(count=platform.instances, kind=_instance_kind(platform))
    if platform.arena == "shrink" and platform.shrinks_by is not None:
        name, value = platform.shrinks_by
        config.parameters[name].string_value = value
    if platform.config is not None:
        config.MergeFrom(parse_more(platform.config, "config"))
    return checked(config)


def checked(config: ModelConfig) -> str:
    """The text of ``config``, which is read again as whoever loads it will.

    Raises:
        BadInputError: it is not one that Triton loads.
    """
    text = render(config)
    parse(text, "config.pbtxt")
    return text


def template(platform: PlatformSpec, task: Task) -> ModelConfig:
    """The config that comes with a platform for a task (``cv``, ``nlp``)."""
    file = resources.files(platform.templates) / "templates" / f"{platform.template}_{task}.pbtxt"
    return parse(file.read_text(encoding="utf-8"), file.name)


def add_tensors(field: Any, tensors: Sequence[TensorSpec]) -> None:
    """Describe ``tensors`` in ``field``, the inputs or the outputs of a config."""
    for tensor in tensors:
        datatype = "TYPE_STRING" if tensor.datatype == "BYTES" else f"TYPE_{tensor.datatype}"
        added = field.add(name=tensor.name, data_type=triton.DataType.Value(datatype), dims=tensor.dims)
        if not tensor.shape:
            added.reshape.SetInParent()  # to an empty shape: the model's own tensor has one dimension less


def _instance_kind(platform: PlatformSpec) -> int:
    """A backend that refuses instances on a GPU, as OpenVINO's does, always has them on the CPU."""
    on_gpu = platform.device == "gpu" and platform.on_gpu
    group = triton.ModelInstanceGroup
    return int(group.KIND_GPU if on_gpu else group.KIND_CPU)
