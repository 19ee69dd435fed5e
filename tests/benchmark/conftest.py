"""A model of a few bytes, and a benchmark of it that is over in seconds."""

from pathlib import Path

import pytest

from mmebench.spec import Spec
from mmebench.spec.reading import load_spec
from support.tiny_models import WIDTH, onnx_bytes


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    path.write_bytes(onnx_bytes(4))
    return path


@pytest.fixture
def spec(tmp_path: Path, model: Path) -> Spec:
    """Short, and with an experiment of which no test cares what it finds; it is ``spec.yaml``, too."""
    tensor = f"datatype: FP32, shape: [{WIDTH}]"
    (tmp_path / "spec.yaml").write_text(
        f"""
model: {{source: file, path: {model}, inputs: [{{name: x, {tensor}}}], outputs: [{{name: y, {tensor}}}]}}
platforms: [onnx]
endpoint: {{kind: local, container: python, memory: 1GiB}}
targets: {{count: 1}}
workload: {{arrivals: {{kind: closed, think_time: 10ms}}, profile: {{stages: [{{users: 1, duration: 1s}}]}}}}
experiments: [{{kind: cold_starts, count: 1, concurrency: [1], warm: 1}}]
"""
    )
    return load_spec(tmp_path / "spec.yaml", ())
