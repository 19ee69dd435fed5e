"""An ensemble of two TorchScript models whose tensors stay on the GPU between them: ``ensemble.py RESULT.json``.

Its answer is checked, and it is timed against the same ensemble whose tensors go by the host's memory.
"""

import json
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmebench.endpoints.local import start
from mmebench.spec.endpoints import LocalEndpoint as Spec
from mmebench.wire.runtime import RuntimeClient

_SIZE = 4 * 1024 * 1024
_REQUESTS = 50


class Wide(torch.nn.Module):
    """Four numbers, repeated until they fill what is worth keeping where it is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of one input."""
        return 2.0 * x.repeat(1, 1048576)


class Few(torch.nn.Module):
    """The first four numbers: the answer need not be large."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of one input."""
        return x[:, :4] + 1.0


def main() -> None:
    """Serve both, compare, and write."""
    found: dict[str, Any] = {}
    try:
        with tempfile.TemporaryDirectory() as scratch:
            store = Path(scratch, "store")
            store.mkdir()
            for name, cpu_only in (("gpu", "no"), ("host", "yes")):
                _write(Path(scratch, name), cpu_only)
                with tarfile.open(store / f"{name}.tar.gz", "w:gz") as archive:
                    for model in Path(scratch, name).iterdir():
                        archive.add(model, model.name)
            log = Path(sys.argv[1]).with_suffix(".log")
            with start(Spec(container="triton"), store, log) as endpoint:
                client = RuntimeClient(endpoint)
                found |= {name: _measure(client, f"{name}.tar.gz") for name in ("gpu", "host")}
    finally:
        Path(sys.argv[1]).write_text(json.dumps(found, indent=1))
        print(json.dumps(found))


def _measure(client: RuntimeClient, target: str) -> dict[str, Any]:
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    body = json.dumps({"inputs": [tensor]}).encode()
    answer = json.loads(client.invoke(target, body, "application/json")[0])["outputs"][0]["data"]
    seconds = []
    for _ in range(_REQUESTS):
        begun = time.perf_counter()
        client.invoke(target, body, "application/json")
        seconds.append(time.perf_counter() - begun)
    return {"right": answer == [3, 5, 7, 9], "p50_ms": round(float(np.median(seconds)) * 1e3, 3)}


def _write(folder: Path, cpu_only: str) -> None:
    parameter = f'parameters {{ key: "FORCE_CPU_ONLY_INPUT_TENSORS" value {{ string_value: "{cpu_only}" }} }}'
    group = "instance_group { count: 1 kind: KIND_GPU }"
    for name, module, taken, given in (("wide", Wide(), 4, _SIZE), ("few", Few(), _SIZE, 4)):
        (folder / name / "1").mkdir(parents=True)
        torch.jit.script(module).save(str(folder / name / "1" / "model.pt"))
        (folder / name / "config.pbtxt").write_text(
            f'backend: "pytorch" max_batch_size: 0 {group} {parameter}\n'
            f'input {{ name: "x" data_type: TYPE_FP32 dims: [1, {taken}] }}\n'
            f'output {{ name: "y__0" data_type: TYPE_FP32 dims: [1, {given}] }}\n'
        )
    (folder / "whole" / "1").mkdir(parents=True)
    (folder / "whole" / "config.pbtxt").write_text("""
platform: "ensemble" max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: [1, 4] }
output { name: "y" data_type: TYPE_FP32 dims: [1, 4] }
ensemble_scheduling {
  step {
    model_name: "wide" model_version: -1
    input_map { key: "x" value: "x" } output_map { key: "y__0" value: "z" }
  }
  step {
    model_name: "few" model_version: -1
    input_map { key: "x" value: "z" } output_map { key: "y__0" value: "y" }
  }
}
""")


if __name__ == "__main__":
    main()
