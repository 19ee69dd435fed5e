"""What the image sources share: inputs, outputs and weights of a classifier."""

from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.model import Model, safe_name

_UNREADABLE = (OSError, RuntimeError, ValueError, AttributeError, TypeError, UnpicklingError, SafetensorError)
"""What readers of checkpoints, and modules that are given another's weights, raise."""


def image_model(
    module: torch.nn.Module, name: str, source: str, image: tuple[int, int, int], weights: str
) -> Model:
    """The :class:`Model` around an image module.

    Args:
        module: takes images as ``(batch, *image)``, normalised, and gives one tensor a row.
        name: as its source knows it.
        source: ``timm`` or ``torchvision``.
        image: channels, height and width.
        weights: where they come from, in words.
    """
    module.eval()
    with torch.inference_mode():
        output = module(torch.zeros(2, *image))
    return Model(
        name=safe_name(name),
        source=source,
        task="cv",
        module=module,
        inputs=(TensorSpec(name="input", datatype="FP32", shape=image),),
        outputs=(TensorSpec(name="output", datatype="FP32", shape=tuple(output.shape[1:])),),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        weights=weights,
    )


def load_checkpoint(module: torch.nn.Module, path: Path) -> None:
    """Put the state dict of ``path`` (.pth, .pt or .safetensors) into ``module``.

    Raises:
        BadInputError: it cannot be read, or belongs to another model.
    """
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            # Training scripts often keep the weights under a key of their own.
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
        module.load_state_dict(state)
    except FileNotFoundError:
        raise BadInputError(
            f"model.weights: no file {path}; allowed: pretrained, random, or the path of a checkpoint"
        ) from None
    except _UNREADABLE as error:
        raise BadInputError(f"model.weights: {path} does not fit the model: {_first_lines(error)}") from error


def _first_lines(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])[:400] or type(error).__name__
