"""A kind of model as a load asks for it: its targets, and what goes to them."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict

from mmebench.formats.tensors import TensorSpec
from mmebench.spec.popularity import AnyPopularity
from mmebench.spec.workload import Payload, Workload


class AskedKind(BaseModel):
    """Targets that are copies of one model. A load has one kind of them, or, on a fleet, several."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    targets: tuple[str, ...]
    inputs: tuple[TensorSpec, ...]
    max_batch_size: int
    payload: Payload
    popularity: AnyPopularity
    """Within its targets."""
    requests: float = 1.0
    """Its part of all requests."""

    @classmethod
    def only(
        cls,
        workload: Workload,
        targets: Sequence[str],
        inputs: Sequence[TensorSpec] = (),
        max_batch_size: int = 0,
        name: str = "model",
    ) -> Self:
        """The one kind of a load that is on no fleet: payload and popularity are the workload's."""
        return cls(
            name=name,
            targets=tuple(targets),
            inputs=tuple(inputs),
            max_batch_size=max_batch_size,
            payload=workload.payload,
            popularity=workload.popularity,
        )
