"""What a copy of an archive is expected to take on a GPU, from what others took."""

import asyncio
from collections.abc import Collection
from typing import cast

import pytest

from mmebench.server.containers.container import Container
from mmebench.server.containers.pools import Memory, gpu_pool
from mmebench.server.endpoint_metrics import EndpointMetrics
from mmebench.server.memory.evictor import Evictor
from mmebench.server.memory.ledger import Ledger
from mmebench.server.memory.resident import Resident

ON = gpu_pool(0)


class Measured:
    """A container whose models take ``sizes`` of a GPU."""

    def __init__(self, *, by_growth: bool) -> None:
        self.by_growth = by_growth
        self.sizes: dict[str, int] = {}

    async def memory(self, models: Collection[str], ran: Collection[str] = ()) -> dict[str, Memory]:
        return {model: {ON: self.sizes[model]} for model in models}


async def _expected(by_growth: bool, *moments: dict[str, int]) -> int:
    """After copies of one archive were measured, and had run, at each of these moments."""
    container, ledger = Measured(by_growth=by_growth), Ledger({})
    evictor = Evictor(ledger, cast(Container, container), EndpointMetrics())
    for container.sizes in moments:
        for name in set(container.sizes) - set(ledger.resident):
            entry = Resident(name, name, b"", digest="copy", gpu=0)
            ledger.begin_load(entry)
            ledger.end_load(entry)
        for entry in ledger.resident.values():
            entry.ran = True
        await evictor.measure_these(list(ledger.resident.values()))
    return evictor.estimates["copy"].memory[ON]


@pytest.mark.parametrize(("by_growth", "expected"), [(False, 5), (True, 3)])
def test_growth_that_is_ascribed_to_another_copy_makes_no_copy_larger(by_growth: bool, expected: int) -> None:
    """Of processes the largest counts. Of growth the sum is right, and what each has may be another's."""
    moments = {"a": 3}, {"a": 2, "b": 4}, {"a": 2, "b": 2, "c": 5}
    assert asyncio.run(_expected(by_growth, *moments)) == expected
