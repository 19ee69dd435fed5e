"""What the image sources share: inputs, outputs and weights of a classifier."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.model import Model
from mmebench.spec.sources.source import safe_name

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


State = Mapping[str, torch.Tensor]
"""Weights by name."""


def read_checkpoint(path: Path) -> State:
    """The weights in a checkpoint (.pth, .pt, .tar, .safetensors …), wherever training scripts keep them.

    As timm reads it: those of an exponential moving average before others, under ``state_dict`` or ``model`` or at
    the top, without the prefixes of parallel and of compiled modules. Only tensors and plain data are unpickled,
    and the script's own arguments: no code of the file is run.

    Raises:
        BadInputError: it cannot be read.
    """
    from timm.models import load_state_dict

    with checkpoint_errors(path), torch.serialization.safe_globals([argparse.Namespace]):
        state: State = load_state_dict(str(path), use_ema=True, weights_only=True)
    return state


def count_classes(state: State, heads: Iterable[str]) -> int | None:
    """How many classes the weights tell apart, by the first of these layers that they have; None: by none."""
    found = (state[f"{head}.weight"] for head in heads if f"{head}.weight" in state)
    return next((len(weight) for weight in found), None)


def load_weights(module: torch.nn.Module, state: State, path: Path) -> None:
    """Put the weights of ``path`` into ``module``.

    Raises:
        BadInputError: they belong to another model.
    """
    with checkpoint_errors(path):
        module.load_state_dict(state)


@contextmanager
def checkpoint_errors(path: Path) -> Iterator[None]:
    """Turn what is wrong with a checkpoint into one message.

    Raises:
        BadInputError: in place of what its reader, or the module that it is for, raised.
    """
    try:
        yield
    except FileNotFoundError:
        raise BadInputError(
            f"model.weights: no file {path}; allowed: pretrained, random, or the path of a checkpoint"
        ) from None
    except _UNREADABLE as error:
        raise BadInputError(f"model.weights: {path} does not fit the model: {_first_lines(error)}") from error


def _first_lines(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])[:400] or type(error).__name__
