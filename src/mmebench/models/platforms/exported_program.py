"""What AOTInductor compiles elsewhere: the program of torch.export, and all that its compiler takes.

``exported.pt2``, inputs to hold the code against it (``examples.pt``), the options of Inductor (``options.json``),
and the compiler, which is a script of its own (:mod:`mmebench.models.compiler_script`).
"""

import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch

from mmebench.errors import BadInputError
from mmebench.models import compiler_script
from mmebench.models.example import Array
from mmebench.models.model import Model, ModelFile
from mmebench.models.parity import examples
from mmebench.models.platforms.aotinductor import OPTIONS, program_of
from mmebench.models.platforms.export import Export, Run, exporting
from mmebench.models.platforms.pytorch import exported
from mmebench.spec import FileModel, ModelSource, PlatformSpec

_PROGRAM = "exported.pt2"


def check(model: ModelSource, platform: PlatformSpec) -> None:
    """Refuse files, which are what they are; programs are exported of models in PyTorch."""
    if isinstance(model, FileModel):
        _refuse(model.path)


def export(model: Model, platform: PlatformSpec, folder: Path) -> Export:
    """Write the program and what compiles it; batch and sequence length stay free."""
    with exporting(f"{model.name}: export for AOTInductor"), torch.no_grad():
        program = program_of(model, platform, torch.device("cpu"))
        # Written by Python: where the disk is full, PyTorch's own writer ends the process.
        _write(folder / _PROGRAM, lambda target: torch.export.save(program, target))
        made = exported(model, platform, _runner(folder / _PROGRAM), {})
        tried = [
            [torch.from_numpy(array).contiguous() for array in arrays]
            for arrays in examples(made.inputs, platform, model.max_sequence_length)
        ]
        _write(folder / "examples.pt", lambda target: torch.save(tried, target))
    options = {"exported_with": torch.__version__, "inductor": OPTIONS}
    (folder / "options.json").write_text(json.dumps(options, indent=1), encoding="utf-8")
    shutil.copyfile(compiler_script.__file__, folder / "compiler.py")
    return made


def adopt(file: ModelFile, platform: PlatformSpec, folder: Path) -> NoReturn:
    """No file becomes a program."""
    _refuse(file.path)


def _refuse(path: Path) -> NoReturn:
    raise BadInputError(
        f"{path.name} is not compiled in a job: it takes a model of timm, torchvision or huggingface, or a ready "
        "archive (.tar.gz)"
    )


def _write(path: Path, save: Any) -> None:
    written = io.BytesIO()
    save(written)
    path.write_bytes(written.getbuffer())


def _runner(path: Path) -> Run:
    module = torch.export.load(path).module()

    def run(arrays: Sequence[Array]) -> list[Array]:
        with torch.inference_mode():
            results = module(*(torch.from_numpy(array).contiguous() for array in arrays))
        return [tensor.numpy() for tensor in torch.utils._pytree.tree_leaves(results)]

    return run
