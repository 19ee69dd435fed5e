"""Image classifiers of torchvision."""

import difflib
from pathlib import Path
from typing import Any

import torch

from mmebench.errors import BadInputError
from mmebench.models.model import Model
from mmebench.models.sources import torchvision_ops
from mmebench.models.sources.random_weights import IN_WORDS, seeded, settle
from mmebench.models.sources.vision import count_classes, image_model, load_weights, read_checkpoint
from mmebench.spec import TorchvisionModel

torchvision_ops.prepare()
import torchvision  # noqa: E402  its operators must be ready first


def load(spec: TorchvisionModel) -> Model:
    """The torchvision classifier of that name; its input size is the one that its weights were trained with.

    Raises:
        BadInputError: there is no such classifier, or its weights cannot be had.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if spec.name not in known:
        raise BadInputError(_unknown(spec.name, known))
    entry = torchvision.models.get_model_weights(spec.name).DEFAULT
    match spec.weights:
        case "pretrained":
            module, weights = _pretrained(spec.name, entry), f"pretrained (torchvision {entry.name})"
        case "random":
            module, weights = _random(spec, entry), IN_WORDS
        case path:
            module, weights = _from_checkpoint(spec, Path(path)), f"checkpoint {Path(path).name}"
    return image_model(module, spec.name, "torchvision", _image(module, entry), weights)


def _image(module: torch.nn.Module, entry: Any) -> tuple[int, int, int]:
    """What the model takes: a vision transformer knows it, for all others the weights do."""
    size = getattr(module, "image_size", None) or entry.transforms().crop_size[0]
    return 3, size, size


def _unknown(name: str, known: list[str]) -> str:
    if name in torchvision.models.list_models():
        return f"model.name: {name} of torchvision is not a classifier; allowed: {known[0]} … {known[-1]}"
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"; did you mean {', '.join(close)}?" if close else ""
    return f"model.name: torchvision has no classifier {name!r}{hint} (torchvision.models.list_models() lists all)"


def _random(spec: TorchvisionModel, entry: Any) -> torch.nn.Module:
    with seeded():
        module = _build(spec.name, spec.num_classes)
        return settle(module, _image(module, entry))


def _build(name: str, classes: int | None) -> torch.nn.Module:
    options = {} if classes is None else {"num_classes": classes}
    module: torch.nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return module


def _from_checkpoint(spec: TorchvisionModel, path: Path) -> torch.nn.Module:
    state = read_checkpoint(path)
    module = _build(spec.name, spec.num_classes)
    if spec.num_classes is None:
        layers = (torch.nn.Linear, torch.nn.Conv2d)
        *_, (head, part) = ((name, part) for name, part in module.named_modules() if isinstance(part, layers))
        classes = count_classes(state, [head])
        if classes not in (None, len(part.weight)):
            module = _build(spec.name, classes)
    load_weights(module, state, path)
    return module


def _pretrained(name: str, entry: Any) -> torch.nn.Module:
    try:
        module: torch.nn.Module = torchvision.models.get_model(name, weights=entry)
    except (OSError, RuntimeError) as error:
        raise BadInputError(
            f"model.weights: {entry.url} cannot be had ({error}); "
            "set weights: random (same speed, no download), or weights: the path of a checkpoint"
        ) from error
    return module
