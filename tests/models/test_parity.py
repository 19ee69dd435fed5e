"""What is compared, and what is not: padding is nobody's result."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmebench.errors import MmebenchError
from mmebench.formats.tensors import TensorSpec
from mmebench.models.example import Array
from mmebench.models.model import Model
from mmebench.models.parity import check_parity
from mmebench.models.platforms import find_exporter
from mmebench.models.platforms.export import Export
from mmebench.models.sources import load_model
from mmebench.spec import HuggingFaceModel
from support.platforms import served_as

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

ONNX = served_as("onnx")
WIDTH = 3


def text(length: int, *shape: int) -> tuple[TensorSpec, TensorSpec, TensorSpec]:
    """Token ids and mask of that length (-1: it varies), and an output."""
    return (
        TensorSpec(name="ids", datatype="INT64", shape=(length,), fill="integers", high=9),
        TensorSpec(name="mask", datatype="INT64", shape=(length,), fill="lengths"),
        TensorSpec(name="states", datatype="FP32", shape=shape),
    )


def compare(tensors: tuple[TensorSpec, TensorSpec, TensorSpec], off: float, *, at_padding: bool) -> None:
    """Hold ones against an export that is wrong by ``off`` at padding, or at the last token of each row."""
    ids, mask, states = tensors

    def sized(arrays: Sequence[Array]) -> Array:
        rows, length = arrays[0].shape
        return np.ones((rows, *(length if size == ids.shape[0] else size for size in states.shape)), np.float32)

    def run(arrays: Sequence[Array]) -> list[Array]:
        result = sized(arrays)
        lengths = arrays[1].sum(1)
        for row, end in zip(result, lengths, strict=True):
            if at_padding:
                row[end:] = off
            else:
                row[end - 1] = off
        return [result]

    check_parity(Export((ids, mask), (states,), run, None), lambda arrays: [sized(arrays)], ONNX, None)


@pytest.mark.parametrize("length", [-1, 20])
@pytest.mark.parametrize("off", [7.0, float("nan")])
def test_padding_is_not_compared(length: int, off: float) -> None:
    compare(text(length, length, WIDTH), off, at_padding=True)
    with pytest.raises(MmebenchError, match="differs from PyTorch"):
        compare(text(length, length, WIDTH), off, at_padding=False)


def test_a_row_without_tokens_is_compared_whole() -> None:
    with pytest.raises(MmebenchError, match="differs from PyTorch"):
        compare(text(-1, 200), 7.0, at_padding=True)


@pytest.fixture(scope="module")
def local_attention(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A ModernBERT whose tokens see four neighbours on each side, so that most padding sees nothing."""
    folder = tmp_path_factory.mktemp("hub") / "modernbert"
    folder.mkdir()
    config = {
        "model_type": "modernbert", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3,
        "num_attention_heads": 4, "vocab_size": 100, "max_position_embeddings": 64, "local_attention": 8,
        "global_attn_every_n_layers": 3, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
        "cls_token_id": 3, "sep_token_id": 4,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    model = load_model(HuggingFaceModel(source="huggingface", name=str(folder), weights="random"))
    assert isinstance(model, Model)
    return model


@pytest.mark.export
@pytest.mark.parametrize("kind", ["pt", "onnx", "openvino"])
def test_local_attention_is_right_at_every_token(kind: str, local_attention: Model, tmp_path: Path) -> None:
    platform = served_as(kind)
    exported = find_exporter(platform).export(local_attention, platform, tmp_path)
    parity = check_parity(exported, local_attention.run, platform, local_attention.max_sequence_length)
    assert parity.max_relative < 1e-5
    attending: Any
    (attending,) = (part for part in local_attention.module.children() if hasattr(part, "set_attn_implementation"))
    assert attending.config._attn_implementation == "sdpa"  # as before
