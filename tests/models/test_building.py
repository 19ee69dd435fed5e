"""What is built where it is served, and what is exported for that."""

from pathlib import Path
from typing import Any

import pytest

from mmebench.formats.tensors import TensorSpec
from mmebench.models.building import count_builds, export_form, is_built
from mmebench.spec import FileModel, LocalEndpoint, ModelSource, SageMakerEndpoint, ServedEndpoint, Spec, TimmModel
from support import cloud
from support.platforms import served_as

NAMED = TimmModel(source="timm", name="resnet18")
READY = FileModel(source="file", path=Path("m.tar.gz"))
TENSORS = (TensorSpec(name="x", datatype="FP32", shape=(4,)),)
PACKAGE = FileModel(source="file", path=Path("m.pt2"), inputs=TENSORS, outputs=TENSORS)
THERE = SageMakerEndpoint.model_validate(cloud.ENDPOINT | {"triton": "26.05", "compiler_image": "mine:1"})
HERE = THERE.model_copy(update={"engine_builder": "local"})


@pytest.mark.parametrize(
    ("model", "platform", "endpoint", "built"),
    [
        (NAMED, "trt", THERE, True),
        (NAMED, "trt", HERE, True),
        (NAMED, "trt", LocalEndpoint(), True),
        (READY, "trt", THERE, False),
        (NAMED, "onnx", THERE, False),
        (NAMED, "pt2", THERE, True),
        (NAMED, {"kind": "pt2", "device": "cpu"}, THERE, False),
        (NAMED, "pt2", HERE, False),
        (NAMED, "pt2", LocalEndpoint(), False),
        (READY, "pt2", THERE, False),
        (PACKAGE, "pt2", THERE, False),
    ],
)
def test_what_is_built(
    model: ModelSource, platform: str | dict[str, Any], endpoint: ServedEndpoint, built: bool
) -> None:
    assert is_built(model, served_as(platform), endpoint) == built


def test_what_is_exported_for_it() -> None:
    half = served_as("pt2", precision="fp16", max_batch_size=1)
    exported = export_form(NAMED, half, THERE)
    assert (exported.kind, exported.precision, exported.max_batch_size) == ("exported", "fp16", 1)
    assert export_form(NAMED, half, HERE) is half
    assert export_form(NAMED, served_as("trt"), THERE).kind == "onnx"


def test_a_compilation_counts_as_an_engine_does() -> None:
    model = {"source": "timm", "name": "resnet18"}
    spec = Spec.model_validate({"model": model, "platforms": ["trt", "pt2", "onnx"], "endpoint": THERE})
    assert count_builds(spec.fleets, spec.endpoint) == 2
