"""One load from several hosts: ``mmebench load`` leads, ``mmebench worker`` sends."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray

from mmebench.record.run import Run, read_run
from mmebench.record.samples import read_samples
from support.scripted_server import ScriptedServer

MS = 1_000_000
TOKEN = "0123456789abcdef" * 4
LOCAL: tuple[str, ...] = ()
STAGES = [
    {"rate": 100, "users": 20, "duration": 4, "warmup": 1},
    {"rate": 40, "users": 20, "duration": 3, "warmup": 1},
]


def write_spec(path: Path, url: str, listen: str, **workload: Any) -> Path:
    spec = {
        "endpoint": {"kind": "existing", "name": "ours", "url": url, "targets": ["a.tar.gz", "b.tar.gz"]},
        "model": {
            "name": "tiny",
            "platform": "onnx",
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [4]}],
        },
        "workload": {
            "arrivals": {"kind": "constant"},
            "profile": {"stages": STAGES},
            "workers": {"listen": listen, "count": 2},
        }
        | workload,
    }
    path.write_text(yaml.safe_dump(spec))
    return path


@contextmanager
def mmebench(
    host: Sequence[str], *arguments: str, cwd: Path, token: str = TOKEN
) -> "Iterator[subprocess.Popen[bytes]]":
    """A command on a host, which is ended with the block."""
    process = subprocess.Popen(
        [*host, sys.executable, "-m", "mmebench", *arguments],
        cwd=cwd,
        env=os.environ | {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "MMEBENCH_TOKEN": token},
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=100)


class HostsRun:
    """A load led by the first host, on which the others work."""

    def __init__(
        self, tmp_path: Path, spec: Path, listen: str, hosts: Sequence[Sequence[str]], server: ScriptedServer
    ) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        with ExitStack() as running:
            workers = [
                running.enter_context(mmebench(host, "worker", listen, cwd=elsewhere)) for host in hosts[1:]
            ]
            conductor = running.enter_context(mmebench(hosts[0], "load", str(spec), cwd=tmp_path))
            assert conductor.wait(timeout=250) == 0
            assert [worker.wait(timeout=100) for worker in workers] == [0] * len(workers)
        assert not list(elsewhere.iterdir()), "workers need no file and leave none"
        prefix = tmp_path / "results" / "tiny" / "existing*onnx*2"
        self.run: Run = read_run(Path(f"{prefix}_run.json"))
        self.samples = read_samples(Path(f"{prefix}_samples.parquet"))
        self.summary = pd.read_csv(tmp_path / "results" / "tiny" / "summary_results.csv")
        self.server = server

    def column(self, name: str) -> NDArray[np.int64]:
        values: NDArray[np.int64] = self.samples[name].to_numpy()
        return values

    def check(self, even_ns: float) -> None:
        """Every sample is there, and the rate is exactly what was asked; ``even_ns``: what gaps may differ by."""
        assert len(self.samples) == len(self.server.requests) == 4 * 100 + 3 * 40
        assert self.samples["error"].null_count == len(self.samples)
        first, second = np.split(np.sort(self.column("intended_ns")), [400])
        assert np.diff(first) == pytest.approx(10 * MS, abs=even_ns)
        assert np.diff(second) == pytest.approx(25 * MS, abs=even_ns)
        for stage, due in zip(self.run.stages, (300, 80), strict=True):
            assert (stage.due, stage.not_started, stage.note) == (due, 0, None)
        assert self.summary["Successful Requests"].tolist() == pytest.approx([300, 80], abs=even_ns > 3)
        assert self.summary["offered_per_s"].tolist() == [100, 40]
        undisturbed = self.summary[~self.summary["client_limited"]]  # by others on this machine
        assert undisturbed["littles_law"].tolist() == pytest.approx([1] * len(undisturbed), abs=0.1)
