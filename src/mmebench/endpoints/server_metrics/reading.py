"""Put the server_metrics model behind an endpoint, ask it, and read its answer."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mmebench.endpoints.endpoint import Metric
from mmebench.endpoints.server_metrics import TARGET
from mmebench.formats.archive import pack
from mmebench.wire.runtime import RuntimeClient

_BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size="
_REQUEST = json.dumps(
    {"inputs": [{"name": "INPUT__0", "shape": [1], "datatype": "BYTES", "data": ["read"]}]}
).encode()


_FORMS = {"FP32": "<f4", "FP64": "<f8"}

_PERCENT = {"unit": "percent"}
_MEBIBYTES = {"unit": "MiB"}
_WATTS = {"unit": "W"}
_JOULES = {"unit": "J"}


@dataclass(frozen=True)
class ServerMetrics:
    """What the machine behind an endpoint was doing.

    The GPU fields have one value per GPU and are empty where there is none; -1 stands for what a GPU does not
    tell. Percentages run from 0 to 100.
    """

    gpu_utilization: tuple[float, ...] = field(metadata=_PERCENT)
    """Percent of time that a kernel ran."""
    gpu_memory_utilization: tuple[float, ...] = field(metadata=_PERCENT)
    """Percent of time that memory was read or written, not how full it is."""
    gpu_total_memory: tuple[float, ...] = field(metadata=_MEBIBYTES)
    gpu_free_memory: tuple[float, ...] = field(metadata=_MEBIBYTES)
    gpu_used_memory: tuple[float, ...] = field(metadata=_MEBIBYTES)
    cpu_utilization: float = field(metadata=_PERCENT)
    """Percent of all cores, since the reading before."""
    memory_utilization: float = field(metadata=_PERCENT)
    """Percent of the host's memory, not a fraction."""
    gpu_power: tuple[float, ...] = field(default=(), metadata=_WATTS)
    """At this moment; empty where an older server_metrics answers."""
    gpu_energy: tuple[float, ...] = field(default=(), metadata=_JOULES)
    """Since the driver was loaded."""

    @property
    def gpu_memory_share(self) -> float | None:
        """How full the memory of all GPUs together is, from 0 to 1; None where there is no GPU."""
        total = sum(self.gpu_total_memory)
        return sum(self.gpu_used_memory) / total if total > 0 else None


def as_metrics(at: datetime, read: ServerMetrics) -> Iterator[Metric]:
    """One for each figure and GPU; -1, which stands for what a GPU does not tell, is left out."""
    for each in fields(read):
        value = getattr(read, each.name)
        for number, one in enumerate(value if isinstance(value, tuple) else (value,)):
            if one >= 0:
                which = f"gpu {number}" if isinstance(value, tuple) else "host"
                yield Metric(at, "server_metrics", each.name, which, each.metadata["unit"], one)


def write_archive(directory: Path) -> Path:
    """Write ``server_metrics.tar.gz`` into ``directory``; serve it as the target of that name."""
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "server_metrics")
        (folder / "1").mkdir(parents=True)
        for name in ("config.pbtxt", "1/model.py"):
            shutil.copyfile(here / name, folder / name)
        archive = directory / TARGET
        pack(folder, archive)
    return archive


def read_server_metrics(client: RuntimeClient) -> ServerMetrics:
    """Ask the endpoint's server_metrics model.

    Raises:
        InvocationError: the endpoint does not serve it, or failed to.
    """
    return parse_server_metrics(*client.invoke(TARGET, _REQUEST, "application/json"))


def parse_server_metrics(body: bytes, content_type: str) -> ServerMetrics:
    """The metrics in an answer of the model, JSON or binary.

    Raises:
        ValueError: the answer is not one of this model.
    """
    size = int(content_type.removeprefix(_BINARY)) if content_type.startswith(_BINARY) else len(body)
    outputs = json.loads(body[:size])["outputs"]
    values: dict[str, Any] = {}
    for output in outputs:
        count = output.get("parameters", {}).get("binary_data_size")
        if count is None:
            values[output["name"]] = tuple(output["data"])
        else:
            values[output["name"]] = tuple(
                np.frombuffer(body[size : size + count], _FORMS[output["datatype"]]).tolist()
            )
            size += count
    try:
        (cpu,), (memory,) = values.pop("cpu_utilization"), values.pop("memory_utilization")
        return ServerMetrics(cpu_utilization=cpu, memory_utilization=memory, **values)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not an answer of server_metrics: its outputs are {sorted(values)}") from error
