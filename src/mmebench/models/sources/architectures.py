"""Shapes of well-known text and image models, so that random weights need neither the hub nor a folder.

A model with random weights is as large and as fast as the real one, if the shape is right. Each entry says what
differs from the defaults of its family in transformers, and how many parameters the plain model (without a task's
head) has: the published figure, which a test compares with what is built.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Architecture:
    """A ``model_type`` of transformers, what differs from its defaults, and its number of parameters."""

    model_type: str
    parameters: int
    overrides: dict[str, Any] = field(default_factory=dict)


_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
_MINILM = {"hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}
_ROBERTA = {
    "vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
    "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
_XLM_ROBERTA = {**_ROBERTA, "vocab_size": 250002}
_DEBERTA_V3 = {
    **_BASE, "vocab_size": 128100, "relative_attention": True, "position_buckets": 256, "share_att_key": True,
    "norm_rel_ebd": "layer_norm", "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
    "max_relative_positions": -1, "type_vocab_size": 0,
}  # fmt: skip
_MPNET = {"vocab_size": 30527, "max_position_embeddings": 514, "layer_norm_eps": 1e-5}

ARCHITECTURES = {
    "bert-base-uncased": Architecture("bert", 109_482_240),
    "bert-base-cased": Architecture("bert", 108_310_272, {"vocab_size": 28996}),
    "bert-base-multilingual-cased": Architecture("bert", 177_853_440, {"vocab_size": 119547}),
    "bert-large-uncased": Architecture("bert", 335_141_888, _LARGE),
    "distilbert-base-uncased": Architecture("distilbert", 66_362_880),
    "roberta-base": Architecture("roberta", 124_645_632, _ROBERTA),
    "roberta-large": Architecture("roberta", 355_359_744, {**_ROBERTA, **_LARGE}),
    "distilroberta-base": Architecture("roberta", 82_118_400, {**_ROBERTA, "num_hidden_layers": 6}),
    "xlm-roberta-base": Architecture("xlm-roberta", 278_043_648, _XLM_ROBERTA),
    "albert-base-v2": Architecture("albert", 11_683_584, {**_BASE, "num_hidden_layers": 12}),
    "gpt2": Architecture("gpt2", 124_439_808),
    "gpt2-medium": Architecture("gpt2", 354_823_168, {"n_embd": 1024, "n_layer": 24, "n_head": 16}),
    "distilgpt2": Architecture("gpt2", 81_912_576, {"n_layer": 6}),
    "google/electra-small-discriminator": Architecture("electra", 13_483_008),
    "google/electra-base-discriminator": Architecture("electra", 108_891_648, {**_BASE, "embedding_size": 768}),
    "microsoft/deberta-v3-small": Architecture("deberta-v2", 141_304_320, {**_DEBERTA_V3, "num_hidden_layers": 6}),
    "microsoft/deberta-v3-base": Architecture("deberta-v2", 183_831_552, _DEBERTA_V3),
    "t5-small": Architecture("t5", 60_506_624),
    "t5-base": Architecture("t5", 222_903_552, {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12}),
    "google/vit-base-patch16-224": Architecture("vit", 86_389_248),
    "openai/clip-vit-base-patch32": Architecture("clip", 151_277_313),
    "sentence-transformers/all-MiniLM-L6-v2": Architecture(
        "bert", 22_713_216, {**_MINILM, "num_hidden_layers": 6}
    ),
    "sentence-transformers/all-MiniLM-L12-v2": Architecture(
        "bert", 33_360_000, {**_MINILM, "num_hidden_layers": 12}
    ),
    "sentence-transformers/all-mpnet-base-v2": Architecture("mpnet", 109_486_464, _MPNET),
    "BAAI/bge-small-en-v1.5": Architecture("bert", 33_360_000, {**_MINILM, "num_hidden_layers": 12}),
    "BAAI/bge-base-en-v1.5": Architecture("bert", 109_482_240),
    "BAAI/bge-large-en-v1.5": Architecture("bert", 335_141_888, _LARGE),
}
"""By hub name, without the organisation where the hub has an alias without it."""

_ALIASED = ("google-bert/", "distilbert/", "FacebookAI/", "albert/", "openai-community/", "google-t5/")


def find(name: str) -> Architecture | None:
    """The architecture of a hub name, with or without the organisation of its alias; None when it is not here."""
    for organisation in _ALIASED:
        name = name.removeprefix(organisation)
    return ARCHITECTURES.get(name)
