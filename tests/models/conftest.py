"""Small models, made once: an image model of timm, and a text model in a folder as transformers writes it."""

import json
from pathlib import Path

import pytest

from mmebench.models.model import Model
from mmebench.models.sources import load_model
from mmebench.spec import HuggingFaceModel, TimmModel
from support.bert import TINY_BERT

TINY = TimmModel(source="timm", name="test_resnet", weights="random")


@pytest.fixture(scope="session")
def image_model() -> Model:
    model = load_model(TINY)
    assert isinstance(model, Model)
    return model


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers, with a tokenizer that knows fewer words than the model has embeddings."""
    folder = tmp_path_factory.mktemp("hub") / "tiny-bert"
    folder.mkdir()
    config = TINY_BERT | {"max_position_embeddings": 40}
    (folder / "config.json").write_text(json.dumps(config))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(45))]
    (folder / "vocab.txt").write_text("\n".join(words))
    return folder


@pytest.fixture(scope="session")
def text_model(bert_folder: Path) -> Model:
    model = load_model(HuggingFaceModel(source="huggingface", name=str(bert_folder), weights="random"))
    assert isinstance(model, Model)
    return model
