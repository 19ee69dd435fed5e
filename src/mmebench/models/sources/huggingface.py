"""Text and image models of transformers, by hub name or from a folder.

For a name, a folder, a configuration or a file that it cannot use, transformers raises exceptions of many kinds
without a common root; each becomes one that names the field of the spec.
"""

import difflib
from pathlib import Path
from typing import Any

import torch

from mmebench.errors import BadInputError
from mmebench.models.model import Model
from mmebench.models.sources import torchvision_ops
from mmebench.models.sources.architectures import ARCHITECTURES, find
from mmebench.models.sources.hub import hub, reason
from mmebench.models.sources.random_weights import IN_WORDS, seeded
from mmebench.spec import HuggingFaceModel

torchvision_ops.prepare()
import transformers  # noqa: E402  it imports torchvision, which must be ready first

from mmebench.models.sources.huggingface_image import image_model, takes_images  # noqa: E402  the same
from mmebench.models.sources.huggingface_text import text_model  # noqa: E402  the same


def load(spec: HuggingFaceModel) -> Model:
    """The model of that hub name or folder.

    Raises:
        BadInputError: there is no such model, or its weights cannot be had.
    """
    match spec.weights:
        case "pretrained":
            config, module = _trained(spec, spec.name)
            weights = "pretrained (Hugging Face)"
        case "random":
            config = _config(spec.name)
            module, weights = _random(config, spec), IN_WORDS
        case path:
            if not Path(path).is_dir():
                raise BadInputError(f"model.weights: no folder {path}; allowed: pretrained, random, or a folder")
            config, module = _trained(spec, path)
            weights = f"checkpoint {Path(path).resolve().name}"
    try:
        side = image_model if takes_images(module) else text_model
        return side(spec, config, module, weights)
    except BadInputError:
        raise
    except Exception as error:
        raise BadInputError(
            f"model.name: {spec.name} ({config.model_type}) takes neither token ids and a mask alone nor pixels "
            f"alone ({reason(error)}); allowed: text encoders, decoders, image models, and classifiers on top of "
            "them; bring another one as TorchScript or ONNX, by source: file"
        ) from error


def _config(name: str) -> Any:
    """The configuration, from a folder, the shipped table or the hub, in this order."""
    architecture = find(name)
    if architecture is not None and not Path(name).is_dir():
        return transformers.AutoConfig.for_model(architecture.model_type, **architecture.overrides)
    try:
        with hub():
            return transformers.AutoConfig.from_pretrained(name)
    except Exception as error:
        close = difflib.get_close_matches(name, ARCHITECTURES, n=3, cutoff=0.4)
        raise BadInputError(
            f"model.name: {name} is no folder with config.json, it is not among the shapes that mmebench ships "
            f"(closest: {', '.join(close) or 'none'}), and the Hugging Face hub did not give it "
            f"({reason(error)}); check the name, or give a folder with config.json"
        ) from error


def _plain(config: Any) -> Any:
    """The configuration for one pass over whole rows: no cache for the next token, and a token to pad with."""
    config.use_cache = False
    if getattr(config, "pad_token_id", None) is None:
        # A classifier on a decoder finds the end of each row by its padding. Some models stop at any of several.
        ends = getattr(config, "eos_token_id", None)
        config.pad_token_id = ends[0] if isinstance(ends, list) and ends else ends
    if config.is_encoder_decoder and getattr(config, "decoder_start_token_id", None) is None:
        config.decoder_start_token_id = config.pad_token_id
    return config


def _class(task: str, config: Any) -> Any:
    match task:
        case "sequence-classification":
            return transformers.AutoModelForSequenceClassification
        case "image-classification":
            return transformers.AutoModelForImageClassification
    # The encoder of T5 and its like is a model of its own; the whole wants the text that it is to go on with.
    alone = config.is_encoder_decoder and type(config) in transformers.MODEL_FOR_TEXT_ENCODING_MAPPING
    return transformers.AutoModelForTextEncoding if alone else transformers.AutoModel


def _tasks(config: Any) -> list[str]:
    """What transformers has a model of its family for."""
    mappings = {
        "encoder": transformers.MODEL_MAPPING,
        "sequence-classification": transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
        "image-classification": transformers.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING,
    }
    return [task for task, mapping in mappings.items() if type(config) in mapping]


def _why_not(error: Exception) -> str:
    """Of a family without such a model transformers says much more than that."""
    said = reason(error)
    return "its family has no such model" if said.startswith("Unrecognized configuration class") else said


def _random(config: Any, spec: HuggingFaceModel) -> torch.nn.Module:
    try:
        with seeded():
            module: torch.nn.Module = _class(spec.task, config).from_config(_plain(config), dtype=torch.float32)
    except Exception as error:
        raise BadInputError(
            f"model.name: {spec.name} ({config.model_type}) cannot be built for model.task {spec.task} "
            f"({_why_not(error)}); allowed: {', '.join(_tasks(config)) or 'none'}; take one of them, or check its "
            "config.json"
        ) from error
    return module


def _trained(spec: HuggingFaceModel, place: str) -> tuple[Any, torch.nn.Module]:
    """The configuration and the model with the weights of ``place``, a hub name or a folder."""
    try:
        with hub():
            config = _plain(transformers.AutoConfig.from_pretrained(place))
            return config, _class(spec.task, config).from_pretrained(place, config=config, dtype=torch.float32)
    except Exception as error:
        raise BadInputError(
            f"model.weights: no pretrained weights of {place} can be had ({reason(error)}); set weights: random "
            "(same speed, no download), or give a folder with config.json and model.safetensors"
        ) from error
