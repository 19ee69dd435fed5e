"""Image models of timm."""

import difflib
from pathlib import Path
from typing import Any

import torch

from mmebench.errors import BadInputError
from mmebench.models.model import Model
from mmebench.models.sources import torchvision_ops
from mmebench.models.sources.hub import hub
from mmebench.models.sources.random_weights import IN_WORDS, seeded, settle
from mmebench.models.sources.vision import (
    checkpoint_errors,
    count_classes,
    image_model,
    load_weights,
    read_checkpoint,
)
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
            module, weights = _pretrained(spec), "pretrained (timm)"
        case "random":
            module, weights = _random(spec), IN_WORDS
        case path:
            module, weights = _from_checkpoint(spec, Path(path)), f"checkpoint {Path(path).name}"
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


def _random(spec: TimmModel) -> torch.nn.Module:
    with seeded():
        module = _build(spec.name, spec.num_classes)
        return settle(module, _image(module))


def _build(name: str, classes: int | None, pretrained: bool = False) -> torch.nn.Module:
    options: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    module: torch.nn.Module = timm.create_model(name, pretrained=pretrained, **options)
    return module


def _from_checkpoint(spec: TimmModel, path: Path) -> Any:
    module: Any = _build(spec.name, spec.num_classes)
    if path.suffix in (".npz", ".npy"):  # of JAX, which the model's own code translates
        with checkpoint_errors(path):
            timm.models.load_checkpoint(module, str(path), weights_only=True)
        return module
    state = read_checkpoint(path)
    if spec.num_classes is None:
        heads = module.default_cfg.get("classifier") or ()  # one, or several of a distilled model
        classes = count_classes(state, [heads] if isinstance(heads, str) else heads)
        if classes not in (None, module.num_classes):
            module = _build(spec.name, classes)
    load_weights(module, state, path)
    return module


def _image(module: torch.nn.Module) -> tuple[int, int, int]:
    channels, height, width = timm.data.config.resolve_model_data_config(module)["input_size"]
    return channels, height, width


def _pretrained(spec: TimmModel) -> torch.nn.Module:
    try:
        with hub():
            return _build(spec.name, spec.num_classes, pretrained=True)
    except (OSError, RuntimeError) as error:
        raise BadInputError(
            f"model.weights: no pretrained weights of timm's {spec.name} can be had "
            f"({str(error).splitlines()[0]}); set weights: random (same speed, no download), or weights: the path "
            "of a checkpoint"
        ) from error
