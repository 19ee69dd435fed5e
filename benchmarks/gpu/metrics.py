"""What the server_metrics target reads of a GPU against nvidia-smi: ``python benchmarks/gpu/metrics.py RESULT``.

It is asked through a local endpoint, between two questions to nvidia-smi, while a process holds 2 GiB of the GPU.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mmebench.endpoints.local import start
from mmebench.endpoints.server_metrics import TARGET
from mmebench.endpoints.server_metrics.reading import parse_server_metrics, write_archive
from mmebench.spec.endpoints import LocalEndpoint as Spec
from mmebench.wire.runtime import RuntimeClient

_HOLD = """
import sys, torch
kept = torch.ones(2**31, dtype=torch.uint8, device="cuda")
torch.cuda.synchronize()
print("ready", flush=True)
sys.stdin.read()
"""
_REQUEST = b'{"inputs": []}'
_FIELDS = ("memory.total", "memory.free", "memory.used")


def main() -> None:
    """Compare, and write both."""
    result = Path(sys.argv[1])
    command = [sys.executable, "-c", _HOLD]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        with tempfile.TemporaryDirectory() as store:
            write_archive(Path(store))
            with start(Spec(container="triton"), Path(store), result.with_suffix(".log")) as endpoint:
                client = RuntimeClient(endpoint)
                client.invoke(TARGET, _REQUEST, "application/json")  # which loads it
                before = _nvidia_smi()
                read = parse_server_metrics(*client.invoke(TARGET, _REQUEST, "application/json"))
                after = _nvidia_smi()
    finally:
        holder.communicate()
    known = [read.gpu_total_memory[0], read.gpu_free_memory[0], read.gpu_used_memory[0]]
    apart = {
        field: min(abs(value / one[field] - 1) for one in (before, after))
        for field, value in zip(_FIELDS, known, strict=True)
    }
    found: dict[str, Any] = {"server_metrics": known, "nvidia_smi": [before, after], "apart": apart}
    result.write_text(json.dumps(found, indent=1))
    print(json.dumps(apart))


def _nvidia_smi() -> dict[str, float]:
    command = ["nvidia-smi", "-i", "0", f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits"]
    line = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(zip(_FIELDS, map(float, line.split(",")), strict=True))


if __name__ == "__main__":
    main()
