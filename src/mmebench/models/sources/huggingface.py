"""Text encoders and sequence classifiers of transformers, by hub name or from a folder.

For a name, a folder, a configuration or a file that it cannot use, transformers raises exceptions of many kinds
without a common root; each becomes one that names the field of the spec.
"""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.example import example
from mmebench.models.model import Model
from mmebench.models.sources import torchvision_ops
from mmebench.models.sources.architectures import ARCHITECTURES, find
from mmebench.models.sources.hub import hub
from mmebench.models.sources.random_weights import IN_WORDS, seeded
from mmebench.spec import HuggingFaceModel

torchvision_ops.prepare()
import transformers  # noqa: E402  it imports torchvision, which must be ready first

_LONGEST = 512
"""Tokens in a row, where a model without position embeddings names no limit."""

_POSITIONS_AFTER_PADDING = {"camembert", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl"}
"""Families that number positions from ``pad_token_id + 1``, so that many of them cannot be used."""

_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "spm.model", "tokenizer.model")


class Tensors(torch.nn.Module):
    """A transformers model that takes its tensors by position and gives a tensor, or a tuple of them.

    Exporters want neither the keyword arguments nor the dictionaries of transformers.
    """

    def __init__(self, model: torch.nn.Module, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.outputs = outputs

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The outputs in order, each of shape ``(batch, …)``."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        result = self.model(input_ids=input_ids, attention_mask=attention_mask, **types)
        tensors = tuple(result[name] for name in self.outputs)
        return tensors[0] if len(tensors) == 1 else tensors


def load(spec: HuggingFaceModel) -> Model:
    """The text model of that hub name or folder.

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
        inputs = _inputs(config, _vocabulary(spec, config), spec.task)
        outputs = _outputs(module.eval(), inputs)
    except BadInputError:
        raise
    except Exception as error:
        raise BadInputError(
            f"model.name: {spec.name} ({config.model_type}) is not a model that takes token ids and a mask alone "
            f"({_reason(error)}); allowed: text encoders, decoders, and classifiers on top of them"
        ) from error
    return Model(
        name=spec.label,
        source="huggingface",
        task="nlp",
        module=Tensors(module, tuple(output.name for output in outputs)).eval(),
        inputs=inputs,
        outputs=outputs,
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        weights=weights,
        max_sequence_length=_longest(config),
        attention_written_out=partial(_written_out, module) if _is_local(config) else nullcontext,
    )


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
            f"({_reason(error)}); check the name, or give a folder with config.json"
        ) from error


def _plain(config: Any) -> Any:
    """The configuration for one pass over whole rows: no cache for the next token, and a token to pad with."""
    config.use_cache = False
    if getattr(config, "pad_token_id", None) is None:
        # A classifier on a decoder finds the end of each row by its padding. Some models stop at any of several.
        ends = getattr(config, "eos_token_id", None)
        config.pad_token_id = ends[0] if isinstance(ends, list) and ends else ends
    return config


def _class(task: str) -> Any:
    return transformers.AutoModel if task == "encoder" else transformers.AutoModelForSequenceClassification


def _random(config: Any, spec: HuggingFaceModel) -> torch.nn.Module:
    try:
        with seeded():
            module: torch.nn.Module = _class(spec.task).from_config(_plain(config), dtype=torch.float32)
    except Exception as error:
        raise BadInputError(
            f"model.name: {spec.name} ({config.model_type}) cannot be built for model.task {spec.task} "
            f"({_reason(error)}); check its config.json, or take the other task"
        ) from error
    return module


def _trained(spec: HuggingFaceModel, place: str) -> tuple[Any, torch.nn.Module]:
    """The configuration and the model with the weights of ``place``, a hub name or a folder."""
    try:
        with hub():
            config = _plain(transformers.AutoConfig.from_pretrained(place))
            return config, _class(spec.task).from_pretrained(place, config=config, dtype=torch.float32)
    except Exception as error:
        raise BadInputError(
            f"model.weights: no pretrained weights of {place} can be had ({_reason(error)}); set weights: random "
            "(same speed, no download), or give a folder with config.json and model.safetensors"
        ) from error


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__


def _vocabulary(spec: HuggingFaceModel, config: Any) -> int:
    """How many token ids are real: the tokenizer's where there is one, as embeddings are often padded."""
    folder = Path(spec.name if spec.weights in ("pretrained", "random") else spec.weights)
    local = folder.is_dir() and any((folder / name).is_file() for name in _TOKENIZER_FILES)
    if not local and spec.weights != "pretrained":
        return int(config.vocab_size)
    try:
        with hub():
            tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder) if local else spec.name)
    except Exception as error:
        raise BadInputError(f"model.name: the tokenizer of {folder} cannot be read ({_reason(error)})") from error
    return min(len(tokenizer), int(config.vocab_size))


def _longest(config: Any) -> int:
    positions = int(getattr(config, "max_position_embeddings", 0) or 0)
    if positions <= 0:
        return _LONGEST
    return positions - (config.pad_token_id + 1 if config.model_type in _POSITIONS_AFTER_PADDING else 0)


def _is_local(config: Any) -> bool:
    """Whether tokens see their neighbours only: those far behind the end of a text then see nothing at all."""
    layers = getattr(config, "layer_types", None)
    return "sliding_attention" in layers if layers else bool(getattr(config, "sliding_window", None))


@contextmanager
def _written_out(module: Any) -> Iterator[None]:
    fused = module.config._attn_implementation
    module.set_attn_implementation("eager")
    try:
        yield
    finally:
        module.set_attn_implementation(fused)


def _inputs(config: Any, vocabulary: int, task: str) -> tuple[TensorSpec, ...]:
    # A classifier on an encoder and a decoder looks at the token that ends the text, and wants one in each row.
    end = config.eos_token_id if task == "sequence-classification" and config.is_encoder_decoder else None
    tokens = TensorSpec(name="input_ids", datatype="INT64", shape=(-1,), fill="integers", high=vocabulary, end=end)
    mask = TensorSpec(name="attention_mask", datatype="INT64", shape=(-1,), fill="lengths")
    if (getattr(config, "type_vocab_size", 0) or 0) > 1:
        return tokens, mask, TensorSpec(name="token_type_ids", datatype="INT64", shape=(-1,), fill="zeros")
    return tokens, mask


def _outputs(module: torch.nn.Module, inputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """What the model gives: each tensor of its answer, with -1 where the shape follows the length of the text."""

    def shapes(length: int) -> dict[str, tuple[int, ...]]:
        with torch.inference_mode():
            arrays = example(inputs, 1, length)
            result = module(**{t.name: torch.from_numpy(array) for t, array in zip(inputs, arrays, strict=True)})
        return {name: tuple(value.shape[1:]) for name, value in result.items() if isinstance(value, torch.Tensor)}

    short, long = shapes(2), shapes(3)
    return tuple(
        TensorSpec(
            name=name,
            datatype="FP32",
            shape=tuple(a if a == b else -1 for a, b in zip(short[name], long[name], strict=True)),
        )
        for name in short
    )
