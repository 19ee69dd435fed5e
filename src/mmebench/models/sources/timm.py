"""Image models of timm."""

import difflib
from pathlib import Path

import torch

from mmebench.errors import BadInputError
from mmebench.models.model import Model
from mmebench.models.sources import torchvision_ops
from mmebench.models.sources.hub import hub
from mmebench.models.sources.random_weights import IN_WORDS, seeded, settle
from mmebench.models.sources.vision import image_model, load_checkpoint
from mmebench.spec import TimmModel

torchvision_ops.prepare()
import timm  # noqa: E402  torchvision must be ready first


def load(spec: TimmModel) -> Model:
    """The timm model of that name; its input size is the one that its weights were trained with.

    Raises:
        BadInputError: there is no such model, or its weights cannot be had.
    """
    _check_name(spec.name)
    match spec.weights:
        case "pretrained":
            module, weights = _pretrained(spec.name), "pretrained (timm)"
        case "random":
            module, weights = _random(spec.name), IN_WORDS
        case path:
            module, weights = _random(spec.name), f"checkpoint {Path(path).name}"
            load_checkpoint(module, Path(path))
    return image_model(module, spec.name, "timm", _image(module), weights)


def _check_name(name: str) -> None:
    architecture, _, tag = name.partition(".")
    known = timm.list_models()
    if architecture not in known:
        close = difflib.get_close_matches(architecture, known, n=3)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise BadInputError(f"model.name: timm has no model {name!r}{hint} (timm.list_models() lists all)")
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise BadInputError(
            f"model.name: timm's {architecture} has no weights {tag!r}; allowed: {', '.join(tags) or 'none'}"
        )


def _random(name: str) -> torch.nn.Module:
    with seeded():
        module: torch.nn.Module = timm.create_model(name, pretrained=False)
        return settle(module, _image(module))


def _image(module: torch.nn.Module) -> tuple[int, int, int]:
    channels, height, width = timm.data.config.resolve_model_data_config(module)["input_size"]
    return channels, height, width


def _pretrained(name: str) -> torch.nn.Module:
    try:
        with hub():
            module: torch.nn.Module = timm.create_model(name, pretrained=True)
    except (OSError, RuntimeError) as error:
        raise BadInputError(
            f"model.weights: no pretrained weights of timm's {name} can be had ({str(error).splitlines()[0]}); "
            "set weights: random (same speed, no download), or weights: the path of a checkpoint"
        ) from error
    return module
