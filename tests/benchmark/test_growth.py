"""The two requests that a part is filled with: one of the load, and the largest that can form under it."""

import json
from pathlib import Path

import pytest

from mmebench.benchmark.growth import check_size, find_growth
from mmebench.benchmark.parts import Part, find_parts
from mmebench.benchmark.wanted import find_wanted
from mmebench.errors import BadInputError
from mmebench.formats.tensors import TensorSpec
from mmebench.load.payload import Body, make_body
from mmebench.models.package import Package
from mmebench.spec import Payload, Spec
from mmebench.wire.addresses import BODY_LIMIT
from support.tiny_models import WIDTH, onnx_archive
from support.watching import Watcher

CONFIG = """
backend: "onnxruntime"
max_batch_size: %d
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 4 }
%s
"""


def part(tmp_path: Path, config: str, batch: int) -> Part:
    archive = onnx_archive(tmp_path / "tiny.tar.gz", 1, config=config)
    tensor = {"datatype": "FP32", "shape": [WIDTH]}
    spec = Spec.model_validate(
        {
            "model": {
                "source": "file",
                "path": archive,
                "inputs": [{"name": "x"} | tensor],
                "outputs": [{"name": "y"} | tensor],
            },
            "platforms": ["onnx"],
            "workload": {"payload": {"batch": batch}},
        }
    )
    (found,) = find_parts(find_wanted(spec), tmp_path / "results", Watcher(), lambda directory: None)
    assert isinstance(found, Part)
    return found


def shape(body: Body) -> list[int]:
    size = int(body.content_type.rpartition("=")[2])
    (tensor,) = json.loads(body.content[:size])["inputs"]
    return list(tensor["shape"])


@pytest.mark.parametrize(
    ("size", "batching", "batch", "request_", "largest"),
    [
        (16, "dynamic_batching { }", 2, [2, 4], [16, 4]),
        (16, "", 12, [12, 4], [12, 4]),
        (0, "", 1, [4], [4]),
    ],
)
def test_a_ready_archive_grows_as_far_as_its_config_lets_requests_join(
    size: int, batching: str, batch: int, request_: list[int], largest: list[int], tmp_path: Path
) -> None:
    (found,) = part(tmp_path, CONFIG % (size, batching), batch).kinds
    assert shape(found.body) == request_
    assert shape(found.growth.body) == largest


@pytest.mark.parametrize(("size", "most"), [(0, 1), (4, 4)])
def test_a_batch_that_a_ready_archive_does_not_take_is_refused(size: int, most: int, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=rf"payload\.batch: got 5; .* has max_batch_size {size}; take {most}"):
        part(tmp_path, CONFIG % (size, ""), 5)


def package(rows: int, dynamic: bool = True) -> Package:
    """A detector's: 3 x 640 x 640 in FP32, which are 4.7 MiB a row."""
    return Package(
        model="detector",
        source="file",
        weights="given",
        task="cv",
        platform="onnx",
        precision="fp32",
        archive=Path("detector.tar.gz"),
        sha256="",
        parameters=None,
        outputs=(),
        parity=None,
        details={},
        inputs=(TensorSpec(name="images", datatype="FP32", shape=(3, 640, 640)),),
        max_batch_size=rows,
        dynamic_batching=dynamic,
    )


def test_a_batch_too_large_for_one_request_comes_in_several() -> None:
    growth = find_growth(Payload(), package(8))
    assert shape(growth.body)[0] == 5, "as many rows as fit into 25 MiB"
    assert growth.requests == 3, "one that is computed, and two that wait and make a batch"
    assert len(growth.body.content) < BODY_LIMIT
    sent: list[Body] = []
    growth.send(sent.append)
    assert sent == [growth.body] * 3


def test_a_batch_that_fits_is_one_request() -> None:
    assert find_growth(Payload(), package(5)).requests == 1
    assert shape(find_growth(Payload(batch=2), package(8, dynamic=False)).body)[0] == 2


@pytest.mark.parametrize("payload", [Payload(batch=6), Payload(batch=2, encoding="json")])
def test_a_request_that_sagemaker_does_not_take_is_refused(payload: Payload) -> None:
    with pytest.raises(BadInputError, match=r"workload\.payload: got .* MiB a request; allowed: 25 MiB"):
        check_size(make_body(package(8).inputs, payload, 8))
