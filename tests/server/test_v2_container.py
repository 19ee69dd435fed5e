"""A real Triton that fails while it is being restarted, and what is left of it."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mmebench.server.containers.control import Control
from mmebench.server.containers.triton import TritonRecipe
from mmebench.server.containers.v2_container import V2Container
from mmebench.server_directory import ServerDirectory
from mmebench.wire.http_client import Address
from support.patience import wait_until

pytestmark = pytest.mark.triton


class Weak(TritonRecipe):
    """Triton dies at the second check, which is that of the first restart."""

    def __init__(self) -> None:
        super().__init__()
        self.checks = 0

    async def check(self, control: Control, address: Address) -> None:
        self.checks += 1
        if self.checks == 2:
            kill()
        await super().check(control, address)


@pytest.fixture
def run() -> Iterator[ServerDirectory]:
    run = ServerDirectory()
    yield run
    run.close()


def tritons() -> list[psutil.Process]:
    """Those that this process has started."""
    return [child for child in psutil.Process().children() if child.name() == "tritonserver"]


def kill() -> None:
    (triton,) = tritons()
    triton.kill()


def test_a_triton_that_dies_again_while_it_is_checked_is_restarted_again(
    run: ServerDirectory, tmp_path: Path
) -> None:
    async def work() -> None:
        with (tmp_path / "log").open("ab", buffering=0) as output:
            recipe = Weak()
            container = V2Container(recipe, run, output)
            try:
                await container.start()
                container.ready.clear()
                kill()
                await asyncio.wait_for(container.ready.wait(), 30)
                assert recipe.checks == 3
            finally:
                await container.close()

    asyncio.run(work())
    assert tritons() == []


class Aborted(TritonRecipe):
    """The first Triton aborts as it is checked."""

    def __init__(self) -> None:
        super().__init__()
        self.checks = 0

    async def check(self, control: Control, address: Address) -> None:
        self.checks += 1
        if self.checks == 1:
            (triton,) = tritons()
            triton.send_signal(signal.SIGABRT)
            wait_until(lambda: not triton.is_running())
        await super().check(control, address)


def test_a_triton_that_aborts_as_it_starts_is_started_once_more(run: ServerDirectory, tmp_path: Path) -> None:
    """``auto`` would take the slower fallback for it."""
    recipe = Aborted()

    async def work() -> None:
        with (tmp_path / "log").open("ab", buffering=0) as output:
            container = V2Container(recipe, run, output)
            try:
                await container.start()
                assert container.ready.is_set()
            finally:
                await container.close()

    asyncio.run(work())
    assert recipe.checks == 2
    assert tritons() == []


def test_close_cleans_up_after_a_defect_too(run: ServerDirectory, tmp_path: Path) -> None:
    left = Path("/dev/shm", f"{run.shared_memory_prefix}left")

    def leave() -> None:
        left.touch()
        raise RuntimeError("a defect")

    async def work() -> None:
        with (tmp_path / "log").open("ab", buffering=0) as output:
            container = V2Container(TritonRecipe(), run, output)
            container.on_death = leave
            await container.start()
            kill()
            async with asyncio.timeout(30):
                while not left.exists():
                    await asyncio.sleep(0.05)
            with pytest.raises(RuntimeError, match="a defect"):
                await container.close()

    asyncio.run(work())
    assert not left.exists()
    assert tritons() == []
