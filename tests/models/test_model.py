from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmebench.formats.tensors import TensorSpec
from mmebench.models.model import ModelFile
from mmebench.spec.sources.source import safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("resnet50", "resnet50"),
        ("google/vit", "google--vit"),
        ("resnet18.a1_in1k", "resnet18.a1_in1k"),
        ("a*b c", "a-b-c"),
        ("../..", "model"),
        ("", "model"),
    ],
)
def test_safe_name(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text())
def test_a_safe_name_is_one_visible_folder(name: str) -> None:
    safe = safe_name(name)
    assert Path(safe).name == safe
    assert not safe.startswith(".")
    assert "*" not in safe
    assert safe_name(safe) == safe


def test_form_and_task_of_a_file() -> None:
    image = TensorSpec(name="x", datatype="FP32", shape=(3, 8, 8))
    text = TensorSpec(name="x", datatype="INT64", shape=(-1,))
    assert ModelFile("m", Path("a.b.tar.gz"), (image,), (image,)).form == ".tar.gz"
    assert ModelFile("m", Path("m.onnx"), (image,), (image,)).task == "cv"
    assert ModelFile("m", Path("m.onnx"), (text,), (image,)).task == "nlp"
