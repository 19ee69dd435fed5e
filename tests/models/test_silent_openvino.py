"""Nobody is told what is converted and served."""

import subprocess
import sys
from pathlib import Path

from support.tiny_models import onnx_bytes

CONVERTING = """
import sys, threading
from pathlib import Path

from mmebench.server.backends.inference.openvino import openvino as served
from mmebench.models.platforms.openvino import openvino
openvino.save_model(openvino.convert_model(Path("tiny.onnx")), "tiny.xml")
openvino.Core().compile_model("tiny.xml", "CPU")
assert served is openvino
assert threading.active_count() == 1, threading.enumerate()
assert "openvino_telemetry" not in sys.modules
import openvino_telemetry  # for who wants it
"""


def test_no_import_and_no_conversion_is_told_to_anybody(tmp_path: Path) -> None:
    (tmp_path / "tiny.onnx").write_bytes(onnx_bytes(1))
    done = subprocess.run(
        [sys.executable, "-c", CONVERTING], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
