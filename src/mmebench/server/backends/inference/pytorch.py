"""TorchScript, placed and refused as Triton's PyTorch backend does it (libtorch.cc of its repository)."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from mmebench.server.backends.inference import Infer
from mmebench.server.backends.inference.options import (
    ModelOptions,
    TensorOptions,
    check_count,
    check_datatype,
    no_gpu,
)

DATATYPES = {
    torch.bool: "TYPE_BOOL", torch.uint8: "TYPE_UINT8", torch.int8: "TYPE_INT8", torch.int16: "TYPE_INT16",
    torch.int32: "TYPE_INT32", torch.int64: "TYPE_INT64", torch.float16: "TYPE_FP16", torch.float32: "TYPE_FP32",
    torch.float64: "TYPE_FP64",
}  # fmt: skip


def open_model(options: ModelOptions) -> Infer:
    """The TorchScript model, on the CPU or the GPU ``options.device``.

    Raises:
        ValueError: it is to run on a GPU that this PyTorch cannot use, or does not fit its configuration.
    """
    device = ready(options)
    module = torch.jit.load(str(options.path), map_location=device).eval()
    inputs = [tensor.name for tensor in options.inputs]
    arguments = [item for item in module.forward.schema.arguments if item.type.kind() != "ClassType"]  # not self
    takes_dictionary = [item.type.kind() for item in arguments] == ["DictType"]
    ordered = inputs if takes_dictionary else _ordered(inputs, arguments)
    names = [tensor.name for tensor in options.outputs]
    places = numbers(names) or range(len(names))

    def compute(arrays: Mapping[str, Any]) -> Sequence[torch.Tensor]:
        tensors = [on(device, arrays[name]) for name in ordered]
        result = module(dict(zip(ordered, tensors, strict=True))) if takes_dictionary else module(*tensors)
        return _tensors(result, options.outputs)

    return serving(compute, options, places, device)


def ready(options: ModelOptions) -> torch.device:
    """Where the model runs, after PyTorch was told how this process does.

    Raises:
        ValueError: it is a GPU that this PyTorch cannot use.
    """
    # Inputs are views of memory that belongs to others. They are only read, so torch need not warn of it.
    warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
    torch.set_num_threads(options.threads)
    return _device(options)


def serving(
    compute: Callable[[Mapping[str, Any]], Sequence[torch.Tensor]],
    options: ModelOptions,
    places: Sequence[int],
    device: torch.device,
) -> Infer:
    """A model as whoever serves it calls it.

    Args:
        compute: from its inputs by name to all that it gives.
        options: with the outputs that are wanted.
        places: where each of those is in what it gives.
        device: that it runs on.
    """
    outputs = list(zip(options.outputs, places, strict=True))

    def infer(arrays: Mapping[str, Any]) -> list[Any]:
        with torch.inference_mode():
            given = compute(arrays)
            results = [_pick(given, tensor, place).contiguous() for tensor, place in outputs]
            if options.stays_on_gpu:
                torch.cuda.current_stream(device).synchronize()  # whoever takes them knows nothing of streams
                return results
            return [result.cpu().numpy() for result in results]

    return infer if options.device is None else _giving_back(infer, options.shrinks)


def on(device: torch.device, array: Any) -> torch.Tensor:
    """An input, which may be on the GPU already."""
    return (array if isinstance(array, torch.Tensor) else torch.from_numpy(array)).to(device)


def _device(options: ModelOptions) -> torch.device:
    if options.device is None:
        return torch.device("cpu")
    if torch.version.cuda is None:
        raise no_gpu(options, f"PyTorch {torch.__version__} is built without CUDA", "'mmebench[gpu]'")
    if options.device >= torch.cuda.device_count():
        found = f"PyTorch {torch.__version__} with CUDA {torch.version.cuda} sees {torch.cuda.device_count()} GPUs"
        raise no_gpu(options, found, "a PyTorch for this driver")
    return torch.device("cuda", options.device)


def _giving_back(infer: Infer, always: bool) -> Infer:
    """``infer``, after which memory that PyTorch keeps for the next one is given back: always, or when it ran out.

    What one model keeps no other model can have, as each has a process of its own.
    """

    def inferred(arrays: Mapping[str, Any]) -> list[Any]:
        try:
            found = infer(arrays)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            raise
        if always:
            torch.cuda.empty_cache()
        return found

    return inferred


def numbers(names: Sequence[str]) -> list[int] | None:
    """Where each tensor stands by its own word: ``INPUT__1`` says 1; None unless all of them say it."""
    found = [name.partition("__")[2] for name in names]
    return [int(number) for number in found] if all(text.isascii() and text.isdigit() for text in found) else None


def _ordered(inputs: Sequence[str], arguments: Sequence[Any]) -> list[str]:
    """The inputs in the order of forward's arguments: by their names, else by ``__N``, else as they stand."""
    for argument in arguments:
        if argument.type.kind() != "TensorType":
            raise ValueError(f"forward takes {argument.name} of type {argument.type}; only tensors can be served")
    allowed = [argument.name for argument in arguments]
    check_count("input", len(inputs), len(allowed))
    if set(inputs) == set(allowed):
        return allowed
    places = numbers(inputs) or list(range(len(inputs)))
    if sorted(places) != list(range(len(allowed))):
        raise ValueError(
            f"config.pbtxt has inputs {', '.join(inputs)}; forward takes {', '.join(allowed)}: name them so, or "
            f"number them from __0 to __{len(allowed) - 1}"
        )
    return [name for _, name in sorted(zip(places, inputs, strict=True))]


def _tensors(result: Any, outputs: Sequence[TensorOptions]) -> Sequence[torch.Tensor]:
    """What the model gave: a tensor, or a tuple of tensors. Triton serves nothing else."""
    if isinstance(result, torch.Tensor):
        return (result,)
    if not isinstance(result, tuple):
        names = ", ".join(tensor.name for tensor in outputs)
        raise ValueError(f"output {names} is a {_kind(result)}; it must be a tensor or a tuple of tensors")
    by_place = dict(zip(numbers([tensor.name for tensor in outputs]) or range(len(outputs)), outputs, strict=True))
    for place, value in enumerate(result):
        if not isinstance(value, torch.Tensor):
            name = by_place[place].name if place in by_place else f"at index {place}"
            raise ValueError(f"output {name} is a {_kind(value)}; it must be a tensor")
    return result


def _kind(value: Any) -> str:
    """``list of Tensor`` for what holds something, else the name of its type."""
    if isinstance(value, list | dict | tuple) and value:
        first = next(iter(value.values())) if isinstance(value, dict) else value[0]
        return f"{type(value).__name__} of {type(first).__name__}"
    return type(value).__name__


def _pick(given: Sequence[torch.Tensor], tensor: TensorOptions, place: int) -> torch.Tensor:
    if place >= len(given):
        raise ValueError(f"config.pbtxt names output {tensor.name}, number {place}; the model gave {len(given)}")
    found = given[place]
    check_datatype("output", tensor, DATATYPES.get(found.dtype, str(found.dtype)))
    return found
