"""One load against a scripted server, and what it left."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pyarrow as pa
from numpy.typing import NDArray

from mmebench.formats.tensors import TensorSpec
from mmebench.load.asked_kind import AskedKind
from mmebench.load.job import LoadJob
from mmebench.load.processes.events import Live
from mmebench.load.processes.process import offer_load
from mmebench.record.run import StageWindow
from mmebench.record.samples import keep_samples, read_samples
from mmebench.spec import Objectives, Workload
from support.scripted_server import ScriptedServer, Step

TARGETS = ("a.tar.gz", "b.tar.gz", "c.tar.gz")


def load_processes() -> list[psutil.Process]:
    """The Locust processes that a load of this test started; a worker is a child of one of them."""
    return [
        child for child in psutil.Process().children() if any("locustfile.py" in word for word in child.cmdline())
    ]


def make_job(port: int, samples: Path, workload: dict[str, Any], **more: Any) -> LoadJob:
    asked = Workload.model_validate(workload)
    inputs = (TensorSpec(name="x", datatype="FP32", shape=(4,)),)
    return LoadJob(
        url=more.pop("url", f"http://127.0.0.1:{port}"),
        endpoint_name="local",
        region="us-east-1",
        kinds=more.pop("kinds", None) or (AskedKind.only(asked, more.pop("targets", TARGETS), inputs, 8),),
        workload=asked,
        samples=samples,
        **more,
    )


class Window(NamedTuple):
    """Latency of the successes in seconds, ascending; successes per second."""

    latency: NDArray[np.float64]
    failures: int
    cold_starts: int
    throughput: float

    @property
    def users(self) -> float:
        """Users that Little's law accounts for."""
        return self.throughput * float(self.latency.mean())


class LoadRun:
    """Offers the load when it is made."""

    def __init__(
        self,
        tmp_path: Path,
        script: Callable[[int], Sequence[Step]],
        workload: dict[str, Any],
        *stages: dict[str, Any],
        objectives: Objectives = Objectives(),  # noqa: B008  # frozen
        targets: tuple[str, ...] = TARGETS,
    ) -> None:
        self.prefix = tmp_path / "local*pt*3"
        self.stages: list[StageWindow] = []
        self.live: list[Live] = []
        if stages:
            workload = {"profile": {"stages": stages}} | workload
        with ScriptedServer(script) as server:
            self.job = make_job(
                server.port, tmp_path / "samples.arrows", workload, objectives=objectives, targets=targets
            )
            offer_load(self.job, self.prefix, tmp_path / "load.log", self._look, self.stages.append)
            self.server = server
        parquet = tmp_path / "samples.parquet"
        self.count = keep_samples(self.job.samples, parquet)
        self.samples: pa.Table = read_samples(parquet)

    def _look(self, live: Live) -> Live:
        self.live.append(live)
        return live

    def column(self, name: str) -> NDArray[np.int64]:
        values: NDArray[np.int64] = self.samples[name].to_numpy()
        return values

    def within(self, stage: StageWindow) -> "Window":
        """What was answered within the stage's window."""
        end = self.column("end_ns")
        inside = (end >= stage.ready * 1e9) & (end < stage.end * 1e9)
        good = inside & self.samples["error"].is_null().to_numpy()
        cold = self.samples["cold"].fill_null(False).to_numpy() & good
        return Window(
            latency=np.sort(self.latency[good]),
            failures=int(inside.sum() - good.sum()),
            cold_starts=int(cold.sum()),
            throughput=float(good.sum()) / (stage.end - stage.ready),
        )

    @property
    def latency(self) -> NDArray[np.float64]:
        """Seconds from the intended start to the last byte."""
        return (self.column("end_ns") - self.column("intended_ns")) / 1e9
