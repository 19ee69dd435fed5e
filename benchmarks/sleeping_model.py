"""A model that only sleeps: it takes memory and time, no processor, so that many are no burden to each other."""

from pathlib import Path

from mmebench.formats.archive import pack

_MODEL = """
import time
import triton_python_backend_utils as backend


class TritonPythonModel:
    def initialize(self, args):
        self.weights = bytearray(b"x") * ({mebibytes} << 20)
        time.sleep({load})

    def execute(self, requests):
        time.sleep({execute})
        rows = [backend.get_input_tensor_by_name(each, "x").as_numpy() for each in requests]
        return [backend.InferenceResponse([backend.Tensor("y", each)]) for each in rows]
"""
_CONFIG = """
backend: "python"
max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 4 }
instance_group { count: 1 kind: KIND_CPU }
"""


def make_archive(folder: Path, name: str, mebibytes: int, load: float, execute: float = 0) -> Path:
    """An archive that is ready for Triton, of a model that takes so many seconds to load and to execute."""
    model = folder / "repository" / name
    (model / "1").mkdir(parents=True)
    (model / "1" / "model.py").write_text(_MODEL.format(mebibytes=mebibytes, load=load, execute=execute))
    (model / "config.pbtxt").write_text(_CONFIG)
    archive = folder / f"{name}.tar.gz"
    pack(model, archive)
    return archive
