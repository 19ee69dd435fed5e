"""Packages of AOTInductor, placed and refused as Triton's PyTorch backend does it (src/pt2 of its repository)."""

import contextlib
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch

from mmebench.formats.aoti_package import CompiledFor, compiled_for
from mmebench.server.backends.inference import Infer
from mmebench.server.backends.inference.options import ModelOptions, TensorOptions, check_count
from mmebench.server.backends.inference.pytorch import on, ready, serving


def open_model(options: ModelOptions) -> Infer:
    """The package, on the CPU or the GPU ``options.device``.

    Raises:
        ValueError: it was compiled for another device, or does not fit its configuration.
    """
    refuse_other_device(compiled_for(options.path), options.device)
    device = ready(options)
    # Beside the package, where it is gone when the model is: the system's folder for temporary files would keep
    # what a process that is ended cannot remove.
    with environment("TMPDIR", str(options.path.parent)):
        loader = load(options.path, options.device)
    inputs, results = (json.loads(text)[1] for text in loader.get_call_spec())
    arguments, keywords = inputs["children_spec"]
    taken = [f"ARGS{path}" for path in _paths(arguments)] + [f"KWARGS{path}" for path in _paths(keywords)]
    check_count("input", len(options.inputs), len(taken))
    places = _places("input", options.inputs, taken)
    ordered = [tensor.name for _, tensor in sorted(zip(places, options.inputs, strict=True), key=itemgetter(0))]
    made = _places("output", options.outputs, [f"RESULT{path}" for path in _paths(results)])

    def compute(arrays: Mapping[str, Any]) -> Sequence[torch.Tensor]:
        tensors: list[torch.Tensor] = loader.run([on(device, arrays[name]).contiguous() for name in ordered])
        return tensors

    return serving(compute, options, made, device)


def load(path: Path, device: int | None) -> Any:
    """PyTorch's loader of the package in ``path``, for the CPU or this GPU: the class that Triton uses.

    ``torch._inductor.aoti_load_package`` is a layer over it that brings the whole compiler: 78 MiB a process, and
    seconds.
    """
    index = -1 if device is None else device
    return torch._C._aoti.AOTIModelPackageLoader(str(path), "model", False, 1, index)


def refuse_other_device(compiled: CompiledFor, device: int | None) -> None:
    """Say where a package runs, and what to do, unless it runs on this CPU, or this GPU.

    Raises:
        ValueError: it does not; its machine code would end the process, or serve from where nobody asked for it.
    """
    again = "compile it where it is to run"
    if device is None:
        if compiled.device != "cpu":
            raise ValueError(f"it was compiled for {compiled}, and is to run on the CPU here; {again}")
        other = compiled.machine not in ("", platform.machine())
        wide = "AVX512" in compiled.instructions and "AVX512" not in torch.backends.cpu.get_cpu_capability()
        if other or wide:
            here = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
            raise ValueError(f"it was compiled for {compiled}, and this CPU is {here}; {again}")
        return
    if compiled.device != "cuda":
        raise ValueError(
            f"its configuration asks for GPU {device}, and it was compiled for {compiled}; {again}, by a PyTorch "
            "with CUDA, or ask for the CPU (device: cpu in a spec, KIND_CPU in config.pbtxt)"
        )
    if torch.cuda.is_available() and compiled.compute_capability.isdigit():
        major, minor = torch.cuda.get_device_capability(device)
        wanted = divmod(int(compiled.compute_capability), 10)
        if major != wanted[0] or minor < wanted[1]:
            raise ValueError(f"it was compiled for {compiled}, and GPU {device} has {major}{minor}; {again}")


@contextlib.contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """Have a variable of this process's environment, by which libraries in C++ are told, for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _places(kind: str, configured: Sequence[TensorOptions], names: Sequence[str]) -> list[int]:
    """Where each tensor of the configuration is in the model: by its number, ``INPUT__1``, or by the model's name.

    Raises:
        ValueError: the model has none of that name, or it is named twice.
    """
    known = {f"{kind.upper()}__{place}": place for place in range(len(names))}
    known |= {name: place for place, name in enumerate(names)}
    for tensor in configured:
        if tensor.name not in known:
            raise ValueError(f"config.pbtxt names {kind} {tensor.name}; the model has {', '.join(known)}")
    places = [known[tensor.name] for tensor in configured]
    if len(set(places)) < len(places):
        raise ValueError(f"config.pbtxt names one {kind} of the model twice; it has {', '.join(known)}")
    return places


def _paths(tree: Mapping[str, Any]) -> list[str]:
    """Where tensors are in what PyTorch's pytree describes, in their order: ``[0]``, ``[mask]``, ``[1][0]``.

    What is one tensor has one place, which is empty.
    """
    if tree["type"] is None:
        return [""]
    children = tree["children_spec"]
    keys = json.loads(tree["context"]) if tree["type"] == "builtins.dict" else range(len(children))
    return [f"[{key}]{path}" for key, part in zip(keys, children, strict=True) for path in _paths(part)]
