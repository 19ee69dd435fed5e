"""The text side of transformers: encoders, decoders and classifiers that take token ids and a mask."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers

from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.example import example
from mmebench.models.model import Model
from mmebench.models.sources.hub import hub, reason
from mmebench.spec import HuggingFaceModel

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


def text_model(spec: HuggingFaceModel, config: Any, module: torch.nn.Module, weights: str) -> Model:
    """The :class:`Model` around a text module.

    Raises:
        BadInputError: its tokenizer cannot be read. Whatever a module raises that wants something else.
    """
    inputs = _inputs(config, _vocabulary(spec, config), spec.task)
    outputs = _outputs(module.eval(), inputs)
    return Model(
        name=spec.label,
        source="huggingface",
        task="nlp",
        module=Tensors(module, tuple(output.name for output in outputs)).eval(),
        inputs=inputs,
        outputs=outputs,
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        weights=weights,
        max_sequence_length=longest(config),
        attention_written_out=partial(_written_out, module) if _is_unusual(config) else nullcontext,
    )


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
        raise BadInputError(f"model.name: the tokenizer of {folder} cannot be read ({reason(error)})") from error
    return min(len(tokenizer), int(config.vocab_size))


def longest(config: Any) -> int:
    """The most tokens in a row."""
    positions = int(getattr(config, "max_position_embeddings", 0) or 0)
    if positions <= 0:
        return _LONGEST
    return positions - (config.pad_token_id + 1 if config.model_type in _POSITIONS_AFTER_PADDING else 0)


def _is_unusual(config: Any) -> bool:
    """Whether attention is of a kind that exporters or runtimes trip over.

    Tokens that see their neighbours only see nothing at all where they are far behind the end of a text; those of
    T5 see each other by a bias that is learned of how far apart they are.
    """
    if getattr(config, "relative_attention_num_buckets", None):
        return True
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
