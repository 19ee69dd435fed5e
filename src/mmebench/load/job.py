"""A load job: all that the Locust process is told, as one JSON file."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mmebench.spec import Workload
from mmebench.tensors import TensorSpec


class LoadJob(BaseModel):
    """A URL, the targets behind it and the workload; what kind of endpoint it is does not matter to the load."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    """Base URL of the SageMaker Runtime API."""
    endpoint_name: str
    region: str
    targets: tuple[str, ...]
    inputs: tuple[TensorSpec, ...]
    max_batch_size: int
    workload: Workload
    samples: Path
    """Where the samples go, as an Arrow IPC stream."""

    @property
    def path(self) -> str:
        """The path that requests are sent to."""
        return f"/endpoints/{self.endpoint_name}/invocations"
