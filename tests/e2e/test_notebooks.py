"""The notebooks, executed as they are but for the size of what they measure."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from mmebench import Benchmark
from mmebench.spec import SageMakerEndpoint
from support.bert import TINY_BERT

pytestmark = [pytest.mark.e2e, pytest.mark.triton, pytest.mark.export]

ROOT = Path(__file__).parents[2]
THINKING = '"arrivals": {"kind": "closed", "think_time": "100ms"}'
SMALLER = {
    "cv-benchmark": {
        '"name": "resnet18"': '"name": "test_resnet"',
        '"name": "mobilenetv3_small_100"': '"name": "test_efficientnet"',
        '"memory": "2GiB"': '"memory": "250MiB"',
        '"profile": {"stages": [{': f'{THINKING}, "profile": {{"stages": [{{',
        "(1, 4, 16)": "(1, 2)",
        '"duration": "20s"': '"duration": "2s"',
        '"duration": "10s"': '"duration": "2s"',
        '"count": 4, "concurrency": [1, 2]': '"count": 1, "concurrency": [1]',
        '"ratios": [1, 1.5, 2]': '"ratios": [2]',
        '"stage": {"users": 2, "duration": "2s"}': '"stage": {"users": 2, "duration": "4s", "warmup": "1s"}',
    },
    "nlp_benchmark": {
        '"sentence-transformers/all-MiniLM-L6-v2"': "'tiny-bert'",
        '"memory": "2GiB"': '"memory": "300MiB"',
        '"profile": {"stages": [{': f'{THINKING}, "profile": {{"stages": [{{',
        "(1, 4, 16)": "(4,)",
        '["pt", "onnx"]': '["onnx"]',
        '"sequence_length": 512': '"sequence_length": 192',
        '"duration": "20s"': '"duration": "2s"',
    },
}
SHOWS = {
    "cv-benchmark": ("hit_ratio", "fit together", "slowest_share"),
    "nlp_benchmark": ("| 4 users | throughput |", "{'reviews': 0.3, 'photos': 0.7}"),
}


@pytest.mark.parametrize("name", SMALLER)
def test_a_notebook_runs_from_its_first_cell_to_its_last(name: str, tmp_path: Path) -> None:
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code), "stored without outputs"
    for large, small in SMALLER[name].items():
        assert any(large in cell.source for cell in code), f"{large} is nowhere in the notebook"
        for cell in code:
            cell.source = cell.source.replace(large, small)
    (tmp_path / "tiny-bert").mkdir()
    (tmp_path / "tiny-bert" / "config.json").write_text(json.dumps(TINY_BERT | {"max_position_embeddings": 256}))
    NotebookClient(
        notebook, timeout=800, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = "\n".join(
        str(output.get("text") or output.get("data")) for cell in code for output in cell.get("outputs", [])
    )
    warned = [
        output["text"] for cell in code for output in cell.get("outputs", []) if output.get("name") == "stderr"
    ]
    assert warned == [], "nobody who reads a notebook has use for warnings"
    assert "ipywidgets" not in shown, "progress is shown"
    assert "this model fits" in shown
    assert "image/png" in shown
    assert "Requests/s" in shown
    for words in SHOWS[name]:
        assert words in shown


@pytest.mark.parametrize("name", SMALLER)
def test_the_cell_for_sagemaker_is_what_a_spec_takes(name: str) -> None:
    """As a person changes it: the comment is taken away, and nothing else."""
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    (cell,) = [cell.source for cell in notebook.cells if cell.source.startswith("# On this machine")]
    _, _, commented = cell.partition("# endpoint = ")
    code = "endpoint = " + "\n".join(line.removeprefix("# ") for line in commented.splitlines())
    said: dict[str, Any] = {}
    exec(code, said)
    benchmark = Benchmark(
        model={"source": "timm", "name": "resnet18"}, platforms=["trt"], endpoint=said["endpoint"]
    )
    endpoint = benchmark.spec.endpoint
    assert isinstance(endpoint, SageMakerEndpoint)
    assert endpoint.instance_types == ("ml.g4dn.xlarge", "ml.g5.xlarge")


def test_notebooks_speak_of_files_that_are_there() -> None:
    for name in SMALLER:
        text = (ROOT / f"{name}.ipynb").read_text(encoding="utf-8")
        for link in ("docs/experiments.md", "docs/fleets.md", "cv-benchmark.ipynb"):
            if f"({link})" in text:
                assert (ROOT / link).exists()
