"""The two requests that a part is filled with: one of the load, and the largest that can form under it."""

import json
from pathlib import Path

import pytest

from mmebench.benchmark.parts import Part, find_parts
from mmebench.errors import BadInputError
from mmebench.load.payload.payload import Body
from mmebench.spec import Spec
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
    (found,) = find_parts(spec, tmp_path / "results", [], Watcher())
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
    found = part(tmp_path, CONFIG % (size, batching), batch)
    assert shape(found.body) == request_
    assert shape(found.largest) == largest


@pytest.mark.parametrize(("size", "most"), [(0, 1), (4, 4)])
def test_a_batch_that_a_ready_archive_does_not_take_is_refused(size: int, most: int, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=rf"payload\.batch: got 5; .* has max_batch_size {size}; take {most}"):
        part(tmp_path, CONFIG % (size, ""), 5)
