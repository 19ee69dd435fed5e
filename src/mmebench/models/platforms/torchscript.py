"""TorchScript by tracing, for Triton's PyTorch backend.

The backend knows tensors by position: names end in ``__`` and the position. Names of our own keep one rule for
images and text, so every package has ``INPUT__0``, ``INPUT__1``, … and ``OUTPUT__0``, …
"""

import copy
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tritonclient.utils import np_to_triton_dtype

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.example import Array, example
from mmebench.models.model import Model, ModelFile
from mmebench.models.platforms.export import WHOLE, Export, Run, check_form, exporting, served, trace_example
from mmebench.models.quiet import quiet
from mmebench.spec import ModelSource, PlatformSpec

_FILE = "model.pt"
_MAGIC = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")
"""``torch.serialization.MAGIC_NUMBER``, as a pickle has it."""


class HalfPrecision(torch.nn.Module):
    """A module that computes in 16 bits and keeps its inputs and outputs in 32, so that requests do not change."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).half()

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Like the module itself."""
        result = self.module(*(tensor.half() if tensor.is_floating_point() else tensor for tensor in tensors))
        return tuple(tensor.float() for tensor in result) if isinstance(result, tuple) else result.float()


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
        return _export(folder, served(model.inputs, platform), served(model.outputs, platform), model)


def adopt(file: ModelFile, platform: PlatformSpec, folder: Path) -> Export:
    """Copy the user's TorchScript file, if it takes and gives what the spec says; it is run once to know."""
    if platform.precision == "fp16":
        raise BadInputError(f"{file.path.name} is served in the precision it has; leave precision out")
    _refuse_weights(file)
    shutil.copyfile(file.path, folder / _FILE)
    rows = min(2, platform.max_batch_size)
    arrays = example(file.inputs, max(rows, 1), file.sequence_length)
    try:
        with quiet():
            export = _export(folder, file.inputs, file.outputs, None)
            results = export.run(arrays if rows else [array[0] for array in arrays])
    except BadInputError as error:
        raise BadInputError(f"{file.path.name}: {error}") from None
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
        shown = ", ".join(f"{tensor.name} {tensor.datatype} {list(tensor.shape)}" for tensor in file.inputs)
        raise BadInputError(
            f"{file.path}: not TorchScript that takes {shown}{f' in a batch of {rows}' if rows else ''} "
            f"({str(error).strip().splitlines()[-1][:300]}); write it with torch.jit.save, and name its inputs in "
            "order"
        ) from error
    _check_outputs(file, results, rows)
    return export


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


def _check_outputs(file: ModelFile, results: Sequence[Array], rows: int) -> None:
    """Hold what the file gave for so many rows (0: it takes no batches) against what the spec says."""
    shapes = [result.shape[1 if rows else 0 :] for result in results]
    given = [
        f"{np_to_triton_dtype(result.dtype)} {list(shape)}" for result, shape in zip(results, shapes, strict=True)
    ]
    if rows and any(result.shape[:1] != (rows,) for result in results):
        whole = [list(result.shape) for result in results]
        raise BadInputError(f"{file.path.name}: for a batch of {rows} it gives {whole}; {WHOLE}")
    if len(results) != len(file.outputs) or not all(
        tensor.numpy_dtype == result.dtype and _fits(tensor.shape, shape)
        for tensor, result, shape in zip(file.outputs, results, shapes, strict=True)
    ):
        said = [f"{tensor.datatype} {list(tensor.shape)}" for tensor in file.outputs]
        raise BadInputError(f"{file.path.name}: model.outputs says {', '.join(said)}; it gives {', '.join(given)}")


def _fits(said: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(said) == len(shape) and all(ours in (-1, theirs) for ours, theirs in zip(said, shape, strict=True))


def _export(
    folder: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], model: Model | None
) -> Export:
    return Export(
        inputs=_numbered("INPUT", inputs),
        outputs=_numbered("OUTPUT", outputs),
        run=_runner(folder / _FILE),
        reference=model.run if model else None,
        details={"tensors": [tensor.name for tensor in (*inputs, *outputs)]},
    )


def _numbered(role: str, tensors: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    return tuple(tensor.model_copy(update={"name": f"{role}__{i}"}) for i, tensor in enumerate(tensors))


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
