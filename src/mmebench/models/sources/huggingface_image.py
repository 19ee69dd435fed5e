"""The image side of transformers: encoders and classifiers that take pixels, and the image half of CLIP."""

from pathlib import Path
from typing import Any

import torch
from transformers.models.auto.image_processing_auto import get_image_processor_config

from mmebench.formats.tensors import TensorSpec
from mmebench.models.model import Model
from mmebench.models.sources.hub import hub
from mmebench.models.sources.random_weights import IN_WORDS, settle
from mmebench.spec import HuggingFaceModel

_SIDE = 224
"""Pixels, where neither the configuration nor a processor beside it says how large pictures are."""

Size = tuple[int, int, int]
"""Channels, height and width."""


class Pixels(torch.nn.Module):
    """A transformers model that takes pixels by position and gives a tensor, or a tuple of them."""

    def __init__(self, model: torch.nn.Module, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.outputs = outputs

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The outputs in order, each of shape ``(batch, …)``."""
        result = self.model(pixel_values)
        tensors = tuple(result[name] for name in self.outputs)
        return tensors[0] if len(tensors) == 1 else tensors


class ImageHalf(torch.nn.Module):
    """What CLIP and its like make of an image: ``image_embeds``, which they compare with those of texts."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.vision_model = model.vision_model
        self.projection = getattr(model, "visual_projection", None) or torch.nn.Identity()

    def forward(self, pixel_values: torch.Tensor) -> dict[str, torch.Tensor]:
        """One row an image."""
        return {"image_embeds": self.projection(self.vision_model(pixel_values=pixel_values).pooler_output)}


def takes_images(module: Any) -> bool:
    """Whether it is for this side: it takes pixels, alone or beside text."""
    return module.main_input_name == "pixel_values" or hasattr(module, "vision_model")


def image_model(spec: HuggingFaceModel, config: Any, module: Any, weights: str) -> Model:
    """The :class:`Model` around an image module; raises whatever a module raises that wants something else."""
    half = ImageHalf(module) if module.main_input_name != "pixel_values" else module
    size = _size(spec, getattr(config, "vision_config", config))
    whole = settle(half, size) if weights == IN_WORDS else half.eval()
    outputs = _outputs(whole, size)
    return Model(
        name=spec.label,
        source="huggingface",
        task="cv",
        module=Pixels(whole, tuple(output.name for output in outputs)).eval(),
        inputs=(TensorSpec(name="pixel_values", datatype="FP32", shape=size),),
        outputs=outputs,
        parameters=sum(parameter.numel() for parameter in whole.parameters()),
        weights=weights,
    )


def _size(spec: HuggingFaceModel, config: Any) -> Size:
    sides = _sides(getattr(config, "image_size", None)) or _processor_sides(spec) or (_SIDE, _SIDE)
    return int(getattr(config, "num_channels", 3)), *sides


def _sides(size: Any) -> tuple[int, int] | None:
    """Height and width, in each of the ways in which configurations have them."""
    match size:
        case int():
            return size, size
        case [int(height), int(width)] | {"height": int(height), "width": int(width)}:
            return height, width
        case {"shortest_edge": int(side)}:
            return side, side
    return None


def _processor_sides(spec: HuggingFaceModel) -> tuple[int, int] | None:
    """Of what prepares pictures for it, where there is such a thing."""
    place = spec.name if spec.weights in ("pretrained", "random") else spec.weights
    if not Path(place).is_dir() and spec.weights != "pretrained":
        return None
    with hub():
        found = get_image_processor_config(place)
    return _sides(found.get("crop_size")) or _sides(found.get("size"))


def _outputs(module: torch.nn.Module, size: Size) -> tuple[TensorSpec, ...]:
    """What it gives: each tensor of its answer that has a row an image."""
    with torch.inference_mode():
        result = module(torch.zeros(2, *size))
    return tuple(
        TensorSpec(name=name, datatype="FP32", shape=tuple(value.shape[1:]))
        for name, value in result.items()
        if isinstance(value, torch.Tensor) and value.shape[:1] == (2,)
    )
