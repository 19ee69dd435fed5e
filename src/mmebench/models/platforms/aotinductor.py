"""PyTorch compiled ahead of time: torch.export and AOTInductor, for torch_aoti of Triton's PyTorch backend.

The package is machine code, for the CPU or the GPU of this machine. On a CPU that takes a C++ compiler.
"""

import copy
import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from torch._inductor.cpp_builder import get_cpp_compiler
from torch._inductor.exc import InvalidCxxCompiler

from mmebench.errors import BadInputError
from mmebench.formats.aoti_package import compiled_for
from mmebench.models.compiler_script import configuration
from mmebench.models.device import describe_code, device_kind
from mmebench.models.example import Array
from mmebench.models.model import Model, ModelFile
from mmebench.models.platforms.export import Export, Run, check_form, dynamic_shapes, exporting, trace_example
from mmebench.models.platforms.pytorch import HalfPrecision, adopted, exported, refuse_halving
from mmebench.server.backends.inference.torch_aoti import environment, load, refuse_other_device
from mmebench.spec import FileModel, ModelSource, PlatformSpec

_FILE = "model.pt2"
_CHECKS = "AOTI_RUNTIME_CHECK_INPUTS"
"""PyTorch's own switch, which a package looks at when it is first run: tensors of another type or shape than it
was compiled for are an error, and not read as what they are not. Where a batch varies, it takes two rows for the
fewest, though one is computed as well: it is no switch to serve with."""
OPTIONS: dict[str, int | bool] = {
    # Weights are brought into the layout of their kernels once, not by each inference.
    "freezing": True,
    # Else code for a CPU has as many threads as the machine that compiled it, whatever it is served with.
    "cpp.dynamic_threads": True,
    # Else kernels of a GPU are files beside the library, read when each is first used.
    "aot_inductor.embed_kernel_binary": True,
    # Whoever switches the check of inputs on may send one row: see _CHECKS.
    "aot_inductor.check_lowerbound": False,
}
"""Of Inductor."""


def check(model: ModelSource, platform: PlatformSpec) -> None:
    """Refuse files other than packages of AOTInductor and ready archives, and a machine that cannot compile."""
    check_form(model, platform, (".pt2", ".tar.gz"))
    if isinstance(model, FileModel):
        return
    device_kind(platform)
    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        raise BadInputError(
            f"platform {platform.kind} is compiled by a C++ compiler, and there is none; install g++ (Debian: "
            "apt-get install g++; macOS: xcode-select --install), or name yours by the environment variable CXX"
        ) from None


def export(model: Model, platform: PlatformSpec, folder: Path) -> Export:
    """Compile ``model`` into ``model.pt2``; batch and sequence length stay free."""
    device = torch.device(device_kind(platform))
    written = io.BytesIO()
    with exporting(f"{model.name}: export to AOTInductor"), torch.no_grad():
        program = program_of(model, platform, device)
        torch._inductor.aoti_compile_and_package(
            program, package_path=written, inductor_configs=configuration(OPTIONS)
        )
        # Written by Python: where the disk is full, PyTorch's own writer ends the process.
        (folder / _FILE).write_bytes(written.getbuffer())
        return exported(model, platform, _runner(folder / _FILE, device), _details(folder / _FILE))


def program_of(model: Model, platform: PlatformSpec, device: torch.device) -> torch.export.ExportedProgram:
    """``model`` on ``device`` in the precision of ``platform``, as torch.export has it; what varies stays free."""
    halved = platform.precision == "fp16"
    module = HalfPrecision(model.module) if halved else model.module
    if device.type != "cpu":
        module = copy.deepcopy(module).to(device)
    arguments = tuple(tensor.to(device) for tensor in trace_example(model, platform))
    shapes = dynamic_shapes(model, platform)
    # What is halved takes any number of tensors, which is one argument, a tuple.
    shaped = (shapes,) if halved and shapes is not None else shapes
    return torch.export.export(module.eval(), arguments, dynamic_shapes=shaped)


def adopt(file: ModelFile, platform: PlatformSpec, folder: Path) -> Export:
    """Copy the user's package, if it takes and gives what the spec says; it is run once to know."""
    refuse_halving(file, platform)
    device = torch.device(device_kind(platform))
    shutil.copyfile(file.path, folder / _FILE)
    try:
        refuse_other_device(compiled_for(folder / _FILE), None if device.type == "cpu" else 0)
    except ValueError as error:
        raise BadInputError(f"model.path: {file.path}: {error}") from None
    details, how = _details(folder / _FILE), "write it with torch._inductor.aoti_compile_and_package"
    with environment(_CHECKS, "1" if platform.max_batch_size > 1 else "0"):
        return adopted(file, platform, lambda: _runner(folder / _FILE, device), details, "a package", how)


def _details(path: Path) -> dict[str, object]:
    """Which device it is for."""
    return {"compiled_for": describe_code(path)}


def _runner(path: Path, device: torch.device) -> Run:
    loader = load(path, None if device.type == "cpu" else device.index or 0)

    def run(arrays: Sequence[Array]) -> list[Array]:
        with torch.inference_mode():
            results = loader.run([torch.from_numpy(array).contiguous().to(device) for array in arrays])
        return [tensor.cpu().numpy() for tensor in results]

    return run
