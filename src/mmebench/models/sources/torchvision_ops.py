"""Makes torchvision importable beside a PyTorch without CUDA.

torchvision's wheel on PyPI is built for PyTorch with CUDA. Beside a PyTorch without it the compiled operators do
not load, and ``import torchvision`` fails on the first one that it describes: ``operator torchvision::nms does not
exist``. timm imports torchvision, and transformers does when it is installed, so both fail with it. Classification
models need none of these operators; declaring the names is enough. Detection models still cannot run.
"""

import importlib
import sys

import torch

# PyTorch forgets the operators when the library object goes.
_libraries: list[torch.library.Library] = []


def prepare() -> None:
    """Import torchvision, with its missing operators declared; call before timm or transformers are imported.

    Raises:
        RuntimeError: torchvision fails for another reason.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error) or torch.version.cuda is not None:
            raise
    else:
        return
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)
    importlib.import_module("torchvision")
