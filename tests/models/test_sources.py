"""Sources: what a name gives, and one clear error when it gives nothing."""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from mmebench.errors import BadInputError
from mmebench.models.example import example
from mmebench.models.model import Model
from mmebench.models.sources import load_model
from mmebench.models.sources.architectures import ARCHITECTURES, find
from mmebench.spec import HuggingFaceModel, ModelSource, TimmModel, TorchvisionModel

pytestmark = pytest.mark.export

State = dict[str, torch.Tensor]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hub, no cache."""
    from huggingface_hub import constants

    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("mmebench.models.sources.hub._reachable", lambda url: False)
    monkeypatch.setattr("torch.hub.urlopen", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def timm(name: str = "test_resnet", weights: str = "random") -> TimmModel:
    return TimmModel(source="timm", name=name, weights=weights)


def torchvision(name: str = "squeezenet1_1", weights: str = "random") -> TorchvisionModel:
    return TorchvisionModel(source="torchvision", name=name, weights=weights)


def huggingface(name: str | Path, weights: str | Path = "random") -> HuggingFaceModel:
    return HuggingFaceModel(source="huggingface", name=str(name), weights=str(weights))


def load(spec: ModelSource) -> Model:
    model = load_model(spec)
    assert isinstance(model, Model)
    return model


def refusal(spec: ModelSource) -> str:
    with pytest.raises(BadInputError) as caught:
        load_model(spec)
    return str(caught.value)


def output(model: Model) -> torch.Tensor:
    return torch.from_numpy(model.run(example(model.inputs, 2, 8))[0])


def test_a_timm_model_has_the_input_that_its_weights_were_trained_with(image_model: Model) -> None:
    assert image_model.name == "test_resnet"
    assert image_model.task == "cv"
    assert image_model.inputs[0].shape == (3, 160, 160)
    assert image_model.outputs[0].shape == (1000,)
    assert image_model.parameters == 469_688
    assert image_model.weights == "random (seed 0)"
    assert not image_model.module.training


def test_a_torchvision_model() -> None:
    model = load(torchvision())
    assert model.inputs[0].shape == (3, 224, 224)
    assert model.outputs[0].shape == (1000,)
    assert model.parameters == 1_235_496


def test_random_weights_are_the_same_each_time_and_leave_the_seed_alone(image_model: Model) -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    again = load(timm())
    assert torch.rand(1) == expected
    assert torch.equal(output(again), output(image_model))


@pytest.mark.parametrize(
    "spec", [timm("test_resnet"), timm("test_efficientnet"), torchvision("mobilenet_v3_small")]
)
def test_random_weights_compute_numbers_of_ordinary_size(spec: ModelSource) -> None:
    assert 0.01 < output(load(spec)).std() < 100


def test_every_branch_of_a_random_model_counts(image_model: Model) -> None:
    silent = [
        name for name, weight in image_model.module.named_parameters() if "weight" in name and not weight.any()
    ]
    assert silent == []


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_checkpoint_brings_its_own_weights(suffix: str, image_model: Model, tmp_path: Path) -> None:
    state = {name: torch.full_like(tensor, 0.01) for name, tensor in image_model.module.state_dict().items()}
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state}, path)
    model = load(timm(weights=str(path)))
    assert model.weights == f"checkpoint weights{suffix}"
    assert all((weight == 0.01).all() for weight in model.module.parameters())


def averaged(state: State) -> object:
    return {"state_dict": {name: tensor * 0 for name, tensor in state.items()}, "state_dict_ema": state}


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: {"model": state},
        averaged,
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {"state_dict": {f"_orig_mod.{name}": tensor for name, tensor in state.items()}},
        lambda state: {"state_dict": {f"module._orig_mod.{name}": tensor for name, tensor in state.items()}},
        lambda state: {"model": state, "epoch": 3, "args": argparse.Namespace(lr=0.1)},
    ],
    ids=["bare", "model", "ema", "parallel", "compiled", "both", "arguments"],
)
@pytest.mark.parametrize("source", ["timm", "torchvision"])
def test_weights_are_found_wherever_training_keeps_them(
    source: str, wrapped: Callable[[State], object], image_model: Model, tmp_path: Path
) -> None:
    from torchvision.models import squeezenet1_1

    trained = image_model.module if source == "timm" else squeezenet1_1()
    state = {name: torch.full_like(tensor, 0.01) for name, tensor in trained.state_dict().items()}
    torch.save(wrapped(state), tmp_path / "w.pth")
    made = timm if source == "timm" else torchvision
    model = load(made(weights=str(tmp_path / "w.pth")))
    assert all((weight == 0.01).all() for weight in model.module.parameters())


def test_as_many_classes_as_the_checkpoint_has(image_model: Model, tmp_path: Path) -> None:
    import timm as library
    from torchvision.models import squeezenet1_1

    path = tmp_path / "w.pth"
    torch.save({"state_dict": library.create_model("test_resnet", num_classes=7).state_dict()}, path)
    assert load(timm(weights=str(path))).outputs[0].shape == (7,)
    wrong = timm(weights=str(path)).model_copy(update={"num_classes": 8})
    assert "w.pth does not fit the model" in refusal(wrong)
    torch.save(squeezenet1_1(num_classes=5).state_dict(), path)
    assert load(torchvision(weights=str(path))).outputs[0].shape == (5,)


@pytest.mark.parametrize("classes", [0, 3])
def test_as_many_classes_as_the_spec_says(classes: int) -> None:
    shape = load(timm().model_copy(update={"num_classes": classes})).outputs[0].shape
    assert shape == ((3,) if classes else (96,))
    if classes:
        assert load(torchvision().model_copy(update={"num_classes": classes})).outputs[0].shape == (3,)


def test_pretrained_weights_of_torchvision_have_their_own_classes() -> None:
    with pytest.raises(ValidationError, match="which have classes of their own; leave num_classes out"):
        TorchvisionModel(source="torchvision", name="resnet18", num_classes=3)


class Code:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return Path.touch, (Path("touched"),)  # type: ignore[return-value]  # whatever a pickle may call


@pytest.mark.parametrize("source", ["timm", "torchvision"])
def test_no_code_of_a_checkpoint_is_run(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {}, "args": Code()}, "w.pth")
    said = refusal(timm(weights="w.pth") if source == "timm" else torchvision(weights="w.pth"))
    assert "w.pth" in said
    assert "weights_only" in said
    assert not Path("touched").exists()


def test_no_code_of_a_folder_of_hugging_face_is_run(
    bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_bytes((bert_folder / "config.json").read_bytes())
    torch.save({"embeddings.word_embeddings.weight": Code()}, "pytorch_model.bin")
    assert "no pretrained weights" in refusal(huggingface(bert_folder, tmp_path))
    assert not Path("touched").exists()


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "w.pth")
    assert "w.pth does not fit the model" in refusal(timm(weights=str(tmp_path / "w.pth")))
    (tmp_path / "w.pth").write_text("not a checkpoint")
    assert "w.pth does not fit the model" in refusal(torchvision(weights=str(tmp_path / "w.pth")))
    assert "no file" in refusal(timm(weights=str(tmp_path / "nothing.pth")))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (timm("resnet5O"), "did you mean resnet50"),
        (timm("resnet18.nosuch"), "allowed: a1_in1k"),
        (torchvision("squeezenet1_2"), "did you mean squeezenet1_1"),
        (torchvision("fasterrcnn_resnet50_fpn"), "is not a classifier"),
    ],
)
def test_an_unknown_name_gets_close_ones(spec: ModelSource, said: str) -> None:
    assert said in refusal(spec)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("spec", [timm(weights="pretrained"), torchvision(weights="pretrained")])
def test_without_a_network_the_way_out_is_named(spec: ModelSource) -> None:
    assert "weights: random" in refusal(spec)


@pytest.mark.usefixtures("offline")
def test_without_a_network_a_hub_name_still_has_random_weights() -> None:
    said = refusal(huggingface("bert-base-uncased", "pretrained"))
    assert "no pretrained weights of bert-base-uncased" in said
    assert "weights: random" in said
    said = refusal(huggingface("bert-base-uncase"))
    assert "closest: bert-base-uncased" in said
    model = load(huggingface("sentence-transformers/all-MiniLM-L6-v2"))
    assert model.name == "sentence-transformers--all-MiniLM-L6-v2"
    assert model.parameters == 22_713_216


def test_a_text_model_from_a_folder(text_model: Model) -> None:
    ids, mask, types = text_model.inputs
    assert text_model.name == "tiny-bert"
    assert text_model.task == "nlp"
    assert (ids.fill, ids.high) == ("integers", 50)  # the tokenizer's words, fewer than the 64 embeddings
    assert mask.fill == "lengths"
    assert types.fill == "zeros"
    assert [(output.name, output.shape) for output in text_model.outputs] == [
        ("last_hidden_state", (-1, 32)),
        ("pooler_output", (32,)),
    ]
    assert text_model.max_sequence_length == 40


def test_weights_of_a_folder_are_loaded(bert_folder: Path, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModel

    assert "no pretrained weights" in refusal(huggingface(bert_folder, "pretrained"))
    source: Any = AutoModel.from_config(AutoConfig.from_pretrained(bert_folder))
    source.save_pretrained(tmp_path)
    model = load(huggingface(bert_folder, tmp_path))
    expected = source.state_dict()["embeddings.word_embeddings.weight"]
    assert torch.equal(model.module.state_dict()["model.embeddings.word_embeddings.weight"], expected)


def test_a_model_that_needs_more_than_text_or_pixels_is_refused(tmp_path: Path) -> None:
    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "wav2vec2", "conv_dim": [8] * 7, "num_conv_pos_embedding_groups": 2, **small})
    )
    said = refusal(huggingface(tmp_path))
    assert "(wav2vec2) takes neither token ids and a mask alone nor pixels alone" in said
    assert "; bring another one as TorchScript or ONNX" in said


TOWER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
EYE = {**TOWER, "image_size": 32, "patch_size": 8}


@pytest.mark.parametrize(
    ("config", "task", "size", "outputs"),
    [
        ({"model_type": "vit", **EYE}, "encoder", 32, {"last_hidden_state": (17, 32), "pooler_output": (32,)}),
        ({"model_type": "vit", **EYE}, "image-classification", 32, {"logits": (2,)}),
        (
            {"model_type": "clip", "text_config": TOWER, "vision_config": EYE, "projection_dim": 16},
            "encoder", 32, {"image_embeds": (16,)},
        ),
        (
            {"model_type": "siglip", "text_config": TOWER, "vision_config": EYE},
            "encoder", 32, {"image_embeds": (32,)},
        ),
        (
            {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
            "image-classification", 224, {"logits": (2,)},
        ),
    ],
)  # fmt: skip
def test_an_image_model_of_transformers_takes_pixels(
    config: dict[str, object], task: str, size: int, outputs: dict[str, tuple[int, ...]], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = load(HuggingFaceModel.model_validate(huggingface(tmp_path).model_dump() | {"task": task}))
    assert model.task == "cv"
    assert [(tensor.name, tensor.shape) for tensor in model.inputs] == [("pixel_values", (3, size, size))]
    assert {tensor.name: tensor.shape for tensor in model.outputs} == outputs
    for tensor, array in zip(model.outputs, model.run(example(model.inputs, 2, 8)), strict=True):
        assert array.shape == (2, *tensor.shape)
        assert 0.001 < array.std() < 100, "images make a difference"


def test_pictures_are_as_large_as_what_prepares_them_makes_them(tmp_path: Path) -> None:
    small = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "resnet", **small}))
    prepares = {"size": {"shortest_edge": 80}, "crop_size": {"height": 64, "width": 48}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(prepares))
    assert load(huggingface(tmp_path)).inputs[0].shape == (3, 64, 48)


@pytest.mark.parametrize("family", ["t5", "mt5"])
def test_the_encoder_of_t5_is_a_text_encoder(family: str, tmp_path: Path) -> None:
    small = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 2, "num_heads": 4, "vocab_size": 99}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": family, **small}))
    model = load(huggingface(tmp_path))
    assert [tensor.name for tensor in model.inputs] == ["input_ids", "attention_mask"]
    assert [(tensor.name, tensor.shape) for tensor in model.outputs] == [("last_hidden_state", (-1, 32))]
    classifier = load(huggingface(tmp_path).model_copy(update={"task": "sequence-classification"}))
    assert classifier.outputs[0].name == "logits"


_SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 64,
}  # fmt: skip


@pytest.mark.parametrize("task", ["encoder", "sequence-classification"])
def test_a_model_may_stop_at_any_of_several_tokens(task: str, tmp_path: Path) -> None:
    config = {"model_type": "llama", "bos_token_id": 1, "eos_token_id": [2, 3, 9], **_SMALL}
    (tmp_path / "config.json").write_text(json.dumps(config))
    spec = HuggingFaceModel.model_validate(huggingface(tmp_path).model_dump() | {"task": task})
    assert torch.isfinite(output(load(spec))).all()


def test_a_classifier_that_looks_for_the_end_of_the_text_finds_it(tmp_path: Path) -> None:
    config = {
        "model_type": "bart", "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 100,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    spec = huggingface(tmp_path).model_copy(update={"task": "sequence-classification"})
    model = load(spec)
    assert model.inputs[0].end == 2
    logits = dict(zip(model.outputs, model.run(example(model.inputs, 5, 12)), strict=True))
    assert {output.name: array.shape for output, array in logits.items()}["logits"] == (5, 3)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"model_type": "vit"},
            r"\(vit\) cannot be built for model\.task .* \(its family has no such model\); allowed: enc",
        ),
        ({"model_type": "whisper"}, r"\(whisper\) cannot be built for model\.task"),
        ({"model_type": "bert", "num_attention_heads": 5}, r"\(bert\) cannot be built .*multiple of the number"),
        ({"model_type": "bert", "hidden_act": "none"}, r"\(bert\) cannot be built .*none"),
        ({"model_type": "bert", "hidden_size": "much"}, r"model\.name: .*hidden_size"),
    ],
)
def test_whatever_is_wrong_with_a_config_is_one_message(
    config: dict[str, object], said: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    spec = huggingface(tmp_path).model_copy(update={"task": "sequence-classification"})
    assert re.search(said, refusal(spec))


def test_weights_are_of_32_bits_whatever_the_folder_says(bert_folder: Path, tmp_path: Path) -> None:
    """Many a config on the hub says float16; precision is for the platform to choose."""
    config = json.loads((bert_folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "dtype": "float16"}))
    assert output(load(huggingface(tmp_path))).dtype == torch.float32


def test_a_classifier_gives_logits(bert_folder: Path) -> None:
    spec = HuggingFaceModel(
        source="huggingface", name=str(bert_folder), weights="random", task="sequence-classification"
    )
    assert [(output.name, output.shape) for output in load(spec).outputs] == [("logits", (2,))]


def test_no_token_types_where_there_is_one_type() -> None:
    model = load(huggingface("google/electra-small-discriminator"))
    assert len(model.inputs) == 3
    model = load(huggingface("distilbert-base-uncased"))
    assert [tensor.name for tensor in model.inputs] == ["input_ids", "attention_mask"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures_have_the_published_number_of_parameters(name: str) -> None:
    from mmebench.models.sources import torchvision_ops

    torchvision_ops.prepare()
    from transformers import AutoConfig, AutoModel

    architecture = ARCHITECTURES[name]
    config = AutoConfig.for_model(architecture.model_type, **architecture.overrides)
    with torch.device("meta"):
        model = AutoModel.from_config(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == architecture.parameters


def test_positions_after_padding_are_not_counted() -> None:
    from mmebench.models.sources.huggingface import _config
    from mmebench.models.sources.huggingface_text import longest

    assert longest(_config("roberta-base")) == 512
    assert longest(_config("bert-base-uncased")) == 512
    assert longest(_config("gpt2")) == 1024


def test_an_alias_finds_its_architecture() -> None:
    assert find("google-bert/bert-base-uncased") is ARCHITECTURES["bert-base-uncased"]
    assert find("microsoft/deberta-v3-base") is ARCHITECTURES["microsoft/deberta-v3-base"]
    assert find("nobody/bert-base-uncased") is None


def test_torchvision_imports_beside_any_torch() -> None:
    """In a process of its own, as an import that failed leaves traces."""
    program = (
        "from mmebench.models.sources.torchvision_ops import prepare; prepare(); prepare();"
        "import torchvision, timm, transformers; torchvision.models.resnet18; transformers.BertModel"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)


def test_other_failures_of_torchvision_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmebench.models.sources import torchvision_ops

    def fail(name: str) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(RuntimeError, match="something else"):
        torchvision_ops.prepare()


def test_the_room_needs_no_heavy_library() -> None:
    program = "import sys, mmebench.models.package; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "mmebench.models.package" in loaded
    heavy = {"torch", "timm", "torchvision", "transformers", "onnx", "onnxruntime", "openvino"}
    assert heavy.isdisjoint(loaded)
