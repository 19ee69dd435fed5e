"""Triton's config.pbtxt: read with the line of every mistake, changed as a protobuf, written back.

The schema is Triton's own ModelConfig message. Triton reports what is wrong with a config only while it loads the
model, one mistake at a time and without a line; what :func:`parse` refuses here has not started anything yet.
"""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as triton

from mmebench.errors import BadInputError

ModelConfig = Any
"""The protobuf message ``inference.ModelConfig``; its generated module has no types."""

BACKENDS = (
    "dali", "fil", "identity", "onnxruntime", "openvino", "python", "pytorch", "tensorflow", "tensorrt",
    "tensorrtllm", "vllm",
)  # fmt: skip
PLATFORMS = (
    "ensemble", "onnxruntime_onnx", "pytorch_libtorch", "tensorflow_graphdef", "tensorflow_savedmodel",
    "tensorrt_plan", "torch_aoti",
)  # fmt: skip
AOTI = "torch_aoti"
"""The platform of the PyTorch backend by which it takes packages of AOTInductor instead of TorchScript."""

_ON_CPU = {"openvino"}
"""Backends that refuse instances on a GPU."""


def parse(text: str, where: str) -> ModelConfig:
    """The ModelConfig in ``text``.

    Args:
        text: the content of a config.pbtxt.
        where: the file it comes from, for messages.

    Raises:
        BadInputError: the text does not follow the schema, or Triton would not load such a model. Each line of the
            message is ``file:line:column: mistake``, or ``file: mistake`` when something is not there.
    """
    config = parse_partial(text, where)
    check(config, text, where)
    return config


def parse_partial(text: str, where: str) -> ModelConfig:
    """The ModelConfig in ``text``, which may leave out what a server finds in the model.

    Args:
        text: the content of a config.pbtxt; a byte order mark before it is ignored.
        where: the file it comes from, for messages.

    Raises:
        BadInputError: the text does not follow the schema; the message is ``file:line:column: mistake``.
    """
    config = triton.ModelConfig()
    try:
        text_format.Parse(text.removeprefix("\ufeff"), config)
    except text_format.ParseError as error:
        mistake = re.sub(r"^\d+:\d+ : ", "", str(error))
        raise BadInputError(f"{where}:{error.GetLine()}:{error.GetColumn()}: {mistake}") from None
    return config


OWN = {
    "name": "which is the target's",
    "backend": "which follows from the kind",
    "platform": "which follows from the kind",
    "default_model_filename": "which follows from the kind",
    "input": "which is the model's",
    "output": "which is the model's",
    "max_batch_size": "which has a field of its own",
    "instance_group": "for which there are instances and device",
}
"""What a config of ours says already, and why."""


def parse_more(text: str, where: str) -> ModelConfig:
    """What somebody wants to have in a config of ours beside what it says already.

    Raises:
        BadInputError: the text does not follow the schema, or says what the config says already.
    """
    more = parse_partial(text, where)
    for field, _ in more.ListFields():
        if field.name in OWN:
            raise BadInputError(f"{where}: got {field.name}, {OWN[field.name]}; leave it out")
    return more


def check(config: ModelConfig, text: str, where: str) -> None:
    """Refuse what follows the schema and Triton would not load.

    Args:
        config: a whole one.
        text: what it was read from, for the places of mistakes.
        where: the file it comes from, for messages.

    Raises:
        BadInputError: as :func:`parse`.
    """
    mistakes = [where + _position(text, place) + f": {message}" for message, place in _mistakes(config)]
    if mistakes:
        raise BadInputError("\n".join(mistakes))


def render(config: ModelConfig) -> str:
    """``config`` as the text of a config.pbtxt; :func:`parse` gives it back equal."""
    return text_format.MessageToString(config, use_short_repeated_primitives=True)


def served_by(config: ModelConfig) -> str:
    """What serves the model: ``onnxruntime``, ``pytorch_libtorch``, ``python``, …; empty where it is not said.

    That is its backend, but for the one that serves two kinds of models and is told by the platform which.
    """
    return str(config.platform if config.platform == AOTI else config.backend or config.platform)


def read(path: Path, where: str) -> ModelConfig:
    """The ModelConfig in the file ``path``, with or without a byte order mark; see :func:`parse`."""
    return parse(path.read_text(encoding="utf-8", errors="replace"), where)


def on_cpu(config: ModelConfig) -> ModelConfig:
    """A copy whose instances run on the CPU, for a machine without a GPU."""
    changed = triton.ModelConfig()
    changed.CopyFrom(config)
    for group in changed.instance_group:
        group.kind = triton.ModelInstanceGroup.KIND_CPU
        group.ClearField("gpus")
    if changed.optimization.HasField("execution_accelerators"):
        changed.optimization.execution_accelerators.ClearField("gpu_execution_accelerator")
    return changed


def on_gpu(config: ModelConfig, gpu: int) -> tuple[ModelConfig, int | None]:
    """A copy whose instances run on this GPU where they want one and do not say which.

    Triton would run them on each GPU of the machine.

    Returns:
        The copy, and the GPU that instances of it run on; None where none wants one.
    """
    changed = triton.ModelConfig()
    changed.CopyFrom(config)
    group = triton.ModelInstanceGroup
    if not changed.instance_group:
        changed.instance_group.add(count=1)
    found: int | None = None
    for each in changed.instance_group:
        if each.kind == group.KIND_AUTO:
            each.kind = group.KIND_CPU if served_by(config) in _ON_CPU else group.KIND_GPU
        if each.kind == group.KIND_GPU:
            if not each.gpus:
                each.gpus.append(gpu)
            found = each.gpus[0] if found is None else found
    return changed, found


Mistake = tuple[str, str]
"""What is wrong, and a regular expression that finds where it was written; empty: it was not."""


def _mistakes(config: ModelConfig) -> Iterator[Mistake]:
    """What Triton would refuse and the schema allows."""
    if config.max_batch_size < 0:
        yield f"max_batch_size is {config.max_batch_size}; 0 or more is allowed", "max_batch_size"
    # Triton takes backends that nobody else has; one that is nearly a known one is a slip.
    if difflib.get_close_matches(config.backend, BACKENDS, n=1, cutoff=0.8):
        yield from _unknown("backend", config.backend, BACKENDS)
    # A backend may define platforms of its own.
    if not config.backend:
        yield from _unknown("platform", config.platform, PLATFORMS)
    if not config.backend and not config.platform:
        yield f"it names no server for the model; add a backend, one of {', '.join(BACKENDS)}", ""
    if not config.output:
        yield "it has no output; name every tensor that the model gives", ""
    for role in ("input", "output"):
        yield from _tensor_mistakes(role, getattr(config, role))
    for size in config.dynamic_batching.preferred_batch_size:
        if not 0 < size <= config.max_batch_size:
            message = f"preferred_batch_size {size} is not within 1 and max_batch_size {config.max_batch_size}"
            yield message, "preferred_batch_size"


def _unknown(field: str, value: str, known: Iterable[str]) -> Iterator[Mistake]:
    if value and value not in known:
        close = difflib.get_close_matches(value, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        yield f"unknown {field} {value!r}; known: {', '.join(known)}{hint}", rf"\b{field}\s*:"


def _tensor_mistakes(role: str, tensors: Iterable[Any]) -> Iterator[Mistake]:
    seen: Counter[str] = Counter()
    for number, tensor in enumerate(tensors, start=1):
        place = rf"\bname\s*:\s*[\"']{re.escape(tensor.name)}[\"']"
        if not tensor.name:
            yield f"{role} {number} has no name", rf"\b{role}\b"
            continue
        seen[tensor.name] += 1
        if seen[tensor.name] == 2:
            yield f"two {role}s are named {tensor.name!r}", place
        if tensor.data_type == triton.TYPE_INVALID:
            yield f"{role} {tensor.name!r} has no data_type", place
        if not tensor.dims:
            yield (
                f"{role} {tensor.name!r} has no dims; give its shape without the batch, -1 where it varies",
                place,
            )
        if any(size < -1 or size == 0 for size in tensor.dims):
            shown = ", ".join(str(size) for size in tensor.dims)
            yield f"{role} {tensor.name!r} has dims [{shown}]; allowed: 1 or more, or -1 where it varies", place


def _position(text: str, place: str) -> str:
    """``:line:column`` of the first match of ``place`` outside comments; empty when there is none."""
    code = re.sub(r"#.*", lambda comment: " " * len(comment[0]), text)
    match = re.search(place, code) if place else None
    if match is None:
        return ""
    line = code.count("\n", 0, match.start()) + 1
    return f":{line}:{match.start() - code.rfind(chr(10), 0, match.start())}"
