"""Targets on one GPU: what they take of it, what they may take, and who is evicted."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from gpu.asking import ROW, Asking, target
from gpu.libraries import load
from gpu.machine import GIB, Device, Machine
from mmebench.endpoints.local import LocalEndpoint
from support.invocations import invoke
from support.serving import Serve, refusal
from support.tiny_models import weighty_archive

pytestmark = pytest.mark.triton

MachineWith = Callable[..., Machine]

MIB = 2**20
POOL = 64 * MIB
"""What Triton takes of each GPU for itself."""
H100 = Device("NVIDIA H100 80GB HBM3", 80 * GIB)


@pytest.fixture(scope="module")
def machine(module_machine_with: MachineWith) -> Machine:
    return module_machine_with(H100)


def test_memory_is_what_the_driver_says(machine: Machine, whole: LocalEndpoint, tmp_path: Path) -> None:
    asking = Asking(whole, tmp_path)
    before = asking.residency()
    asking.add(["a", "b"], 2 * GIB, run=GIB, row=GIB // 2)
    asking.ask("a", "b")
    asking.ask("b", rows=4)
    after = asking.residency()
    assert after.memory_used - before.memory_used == (2 + 1 + 0.5 + 2 + 1 + 2) * GIB
    assert machine.used(H100) - POOL == after.memory_used == after.gpus[0].used
    assert not after.by_growth
    stubs = [child for child in psutil.Process(whole.pid).children(recursive=True) if "stub" in child.name()]
    assert 10 * MIB < after.host_memory_used < sum(stub.memory_info().rss for stub in stubs)
    assert after.gpus[0].targets == len(after.resident)


def test_instances_on_one_gpu_are_one_target(whole: LocalEndpoint, tmp_path: Path) -> None:
    asking = Asking(whole, tmp_path)
    before = asking.residency().memory_used
    asking.add(["twins"], GIB, count=2)
    asking.ask("twins")
    assert asking.residency().memory_used - before == 2 * GIB


def test_without_a_budget_it_is_what_is_free(whole: LocalEndpoint) -> None:
    residency = whole.residency()
    assert whole.instance_type == "local-1xH100-80GiB"
    assert residency.memory_budget == H100.total - H100.reserved - POOL - 512 * MIB
    (gpu,) = residency.gpus
    assert (gpu.gpu, gpu.name, gpu.total, gpu.budget) == (0, H100.name, H100.total, residency.memory_budget)
    assert residency.host_memory_budget is not None
    assert residency.host_memory_budget > 100 * MIB


def test_a_budget_is_of_the_gpu(machine: Machine, serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(memory="4GiB")
    assert endpoint.instance_type == "local-1xH100-4GiB"
    asking = Asking(endpoint, tmp_path)
    asking.add("abcd", GIB, run=GIB // 4)
    asking.ask("a", "b", "c", "a", "d")
    assert asking.resident() == ["c", "a", "d"], "what first inferences took is known when the next one comes"
    residency = asking.residency()
    assert (residency.loads, residency.evictions) == (4, 1)
    assert (residency.memory_used, residency.memory_budget) == (3.75 * GIB, 4 * GIB)


def test_growth_beyond_the_budget_evicts(machine: Machine, serve: Serve, tmp_path: Path) -> None:
    asking = Asking(serve(memory="4GiB"), tmp_path)
    asking.add("ab", GIB, row=GIB)
    asking.ask("a", "b")
    assert asking.residency().memory_used == 4 * GIB
    asking.ask("b", rows=2)
    residency = asking.residency()
    assert (residency.memory_used, residency.evictions) == (3 * GIB, 1)
    assert asking.resident() == ["b"]


def test_a_target_that_needs_more_than_the_budget(machine: Machine, serve: Serve, tmp_path: Path) -> None:
    asking = Asking(serve(memory="4GiB"), tmp_path)
    asking.add(["small"], GIB)
    asking.add(["large"], 5 * GIB)
    asking.ask("small")
    error = asking.client.exceptions.ModelError
    with pytest.raises(
        error, match=r"large\.tar\.gz needs 5 GiB of gpu 0, and all targets .* may use 4 GiB"
    ) as caught:
        asking.ask("large")
    assert caught.value.response["OriginalStatusCode"] == 507
    asking.ask("small")


def test_the_hosts_memory_has_a_budget_of_its_own(machine: Machine, serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(host_memory="150MiB")
    assert endpoint.residency().host_memory_budget == 150 * MIB
    asking = Asking(endpoint, tmp_path)
    asking.put(weighty_archive(tmp_path / "weighty", 0), "abc")
    for name in "abc":
        assert invoke(asking.client, target(name), [ROW]) == [[3 * value for value in ROW]]
    assert asking.resident() == ["b", "c"]


def test_more_than_the_gpu_has(machine: Machine, tmp_path: Path) -> None:
    said = refusal(tmp_path, "--container", "triton", "--memory", "100GiB", before=load)
    assert said.count("mmebench: ") == 1
    assert "memory: got 100 GiB; GPU 0 (NVIDIA H100 80GB HBM3) has 80 GiB: give at most that" in said
