"""Compiles a program of torch.export by AOTInductor for the device of the machine that runs this.

    python compiler.py SOURCE TARGET --device cuda --serving 2.12

SOURCE has ``exported.pt2``, ``examples.pt`` and ``options.json``. TARGET, a folder, gets ``model.pt2`` and
``compiled.json``: by what it was compiled, for what, and how far it is from the program. PyTorch is all that this
needs: it travels with the program, into images that have no more.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

_ONCE = {"aot_inductor.precompile_headers": False}
"""Headers are compiled ahead for those who compile again; here it takes as long as all else that g++ has to do."""
_COMPILERS = 4
"""Processes that compile at the same time, at most: each takes some hundred megabytes."""


def main() -> None:
    """Do what the command line says; what went wrong is the last line that is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--device", choices=("cpu", "cuda"), required=True)
    parser.add_argument("--serving", help="version of the PyTorch that will run the code, MAJOR.MINOR")
    asked = parser.parse_args()
    options: dict[str, Any] = json.loads((asked.source / "options.json").read_text(encoding="utf-8"))
    _refuse(asked.device, asked.serving)
    with torch.no_grad():
        made = _compile(asked.source, asked.target / "model.pt2", options, asked.device)
    (asked.target / "compiled.json").write_text(json.dumps(made, indent=1), encoding="utf-8")


def configuration(options: dict[str, Any]) -> dict[str, Any]:
    """Of Inductor: ``options`` as far as this PyTorch knows them, and how many compilers run at once here."""
    known = torch._inductor.config.get_config_copy()
    return {"compile_threads": min(_COMPILERS, os.cpu_count() or 1)} | {
        name: value for name, value in options.items() if name in known
    }


def _refuse(device: str, serving: str | None) -> None:
    """End where the code could not be made, or not be served, before it is compiled."""
    if serving is not None and release(torch.__version__) > release(serving):
        sys.exit(
            f"got PyTorch {torch.__version__} in this image; {serving}, which serves the code, may lack what a "
            f"newer one calls; take an image with PyTorch {serving} or older"
        )
    if device == "cuda" and not torch.cuda.is_available():
        sys.exit(
            f"got no GPU that PyTorch {torch.__version__} (CUDA {torch.version.cuda}) can use here; take an image "
            "whose CUDA this machine's driver knows, and an instance type with a GPU"
        )


def _compile(source: Path, package: Path, options: dict[str, Any], device: str) -> dict[str, Any]:
    from torch.export.passes import move_to_device_pass

    try:
        program = torch.export.load(source / "exported.pt2")
    # A file of another version can fail in any way.
    except Exception as error:
        by = options["exported_with"]
        sys.exit(
            f"got a program exported with PyTorch {by}, which PyTorch {torch.__version__} of this image cannot "
            f"read ({type(error).__name__}: {str(error).strip()[:300]}); export with a PyTorch no newer than that"
        )
    program = move_to_device_pass(program, device)
    examples = [
        [tensor.to(device) for tensor in tensors]
        for tensors in torch.load(source / "examples.pt", weights_only=True)
    ]
    module = program.module()
    expected = [_leaves(module(*tensors)) for tensors in examples]  # freezing takes the program's weights away
    torch._inductor.aoti_compile_and_package(
        program, package_path=str(package), inductor_configs=configuration(options["inductor"] | _ONCE)
    )
    compiled = torch._inductor.aoti_load_package(str(package))
    absolute = relative = 0.0
    for tensors, wanted in zip(examples, expected, strict=True):
        for theirs, ours in zip(wanted, _leaves(compiled(*tensors)), strict=True):
            difference, share = _difference(theirs.double(), ours.double())
            absolute, relative = max(absolute, difference), max(relative, share)
    print(f"the code differs from the program by {relative:.3g} of the largest output")
    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "max_absolute": absolute,
        "max_relative": relative,
        "shapes": [list(tensors[0].shape) for tensors in examples],
    }


def release(version: str) -> tuple[int, int]:
    """Major and minor of ``2.12.0a0+5aff3928d8.nv26.05``."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _leaves(results: Any) -> Sequence[torch.Tensor]:
    return torch.utils._pytree.tree_leaves(results)


def _difference(wanted: torch.Tensor, got: torch.Tensor) -> tuple[float, float]:
    """The largest absolute difference, and its share of the largest value wanted.

    What is no number anywhere, or of another shape, is as far as can be.
    """
    largest = sys.float_info.max
    if wanted.shape != got.shape or not bool(torch.isfinite(wanted).all() and torch.isfinite(got).all()):
        return largest, largest
    difference, scale = float((wanted - got).abs().max()), float(wanted.abs().max())
    return difference, difference / scale if scale else largest if difference else 0.0


if __name__ == "__main__":
    main()
