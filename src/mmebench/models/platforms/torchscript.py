"""TorchScript by tracing, for Triton's PyTorch backend."""

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mmebench.errors import BadInputError
from mmebench.models.example import Array
from mmebench.models.model import Model, ModelFile
from mmebench.models.platforms.export import Export, Run, check_form, exporting, trace_example
from mmebench.models.platforms.pytorch import HalfPrecision, adopted, exported, refuse_halving
from mmebench.spec import ModelSource, PlatformSpec

_FILE = "model.pt"
_MAGIC = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")
"""``torch.serialization.MAGIC_NUMBER``, as a pickle has it."""


def check(model: ModelSource, platform: PlatformSpec) -> None:
    """Refuse files other than TorchScript and ready archives."""
    check_form(model, platform, (".pt", ".tar.gz"))


def export(model: Model, platform: PlatformSpec, folder: Path) -> Export:
    """Trace ``model`` into ``model.pt``; batch and sequence length stay free."""
    with exporting(f"{model.name}: export to TorchScript"), torch.inference_mode():
        module = HalfPrecision(model.module) if platform.precision == "fp16" else model.module
        # Tracing again to compare is what the parity check does better, with other shapes.
        traced = torch.jit.trace(module.eval(), trace_example(model, platform), check_trace=False)
        follow_device(traced)
        # Written by Python: where the disk is full, PyTorch's own writer ends the process.
        (folder / _FILE).write_bytes(traced.save_to_buffer())
        return exported(model, platform, _runner(folder / _FILE), {})


def adopt(file: ModelFile, platform: PlatformSpec, folder: Path) -> Export:
    """Copy the user's TorchScript file, if it takes and gives what the spec says; it is run once to know."""
    refuse_halving(file, platform)
    _refuse_weights(file)
    shutil.copyfile(file.path, folder / _FILE)
    how = "write it with torch.jit.save"
    return adopted(file, platform, lambda: _runner(folder / _FILE), {}, "TorchScript", how)


def _refuse_weights(file: ModelFile) -> None:
    """What training scripts save has the same ending: weights without the code that they belong to, or a pickle.

    PyTorch writes both as archives, of which only TorchScript's has code in it; long ago it wrote weights as
    pickles one after another, the first of which is a number.
    """
    if zipfile.is_zipfile(file.path):
        with zipfile.ZipFile(file.path) as archive:
            parts = {name.partition("/")[2] for name in archive.namelist()}
        saved = "data.pkl" in parts and "constants.pkl" not in parts
    else:
        with file.path.open("rb") as content:
            saved = _MAGIC in content.read(32)
    if saved:
        raise BadInputError(
            f"model.path: {file.path} holds weights or a pickled module (torch.save), not TorchScript; save the "
            "module with torch.jit.trace(module, example).save(path); or, for weights of a model of timm, "
            f"torchvision or huggingface, name that as model.source and give weights: {file.path}"
        )


def _runner(path: Path) -> Run:
    module = torch.jit.load(path, map_location="cpu")

    def run(arrays: Sequence[Array]) -> list[Array]:
        with torch.inference_mode():
            return [tensor.numpy() for tensor in _tensors(module(*(torch.from_numpy(array) for array in arrays)))]

    return run


def _tensors(result: Any) -> Sequence[torch.Tensor]:
    """What a model gave, if Triton's PyTorch backend serves that."""
    parts = {f"output {number}": part for number, part in enumerate(result)} if isinstance(result, tuple) else {}
    for what, part in (parts or {"the output": result}).items():
        if not isinstance(part, torch.Tensor):
            raise BadInputError(
                f"{what} is a {type(part).__name__}; Triton serves TorchScript that gives a tensor or a tuple of "
                "tensors; trace it inside a module whose forward returns such a tuple"
            )
    return list(parts.values()) or [result]


def follow_device(traced: torch.jit.ScriptModule) -> None:
    """Make tensors that the traced code creates land where the inputs are, in place.

    Tracing writes the device it ran on into the code as a constant. Text models create position ids and masks, and
    would create them on the CPU after Triton has moved the weights to a GPU.
    """
    graph: Any = traced.graph  # its stubs lack what is used here
    torch._C._jit_pass_inline(graph)
    constants = [node.output() for node in graph.findAllNodes("prim::Constant")]
    devices = [constant for constant in constants if str(constant.type()) == "Device"]
    if devices:
        _, tensor, *_ = graph.inputs()  # the first is the module itself
        here = graph.create("prim::device", [tensor], 1)
        here.output().setType(devices[0].type())
        graph.prependNode(here)
        for device in devices:
            device.replaceAllUsesWith(here.output())
