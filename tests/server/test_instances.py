"""Several instances behind one endpoint: containers, memories and routing that are really there."""

import threading
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from mmebench.endpoints.counters import read_counters
from mmebench.endpoints.local import LocalEndpoint
from support.invocations import invoke, runtime_client
from support.patience import wait_until
from support.serving import Serve, refusal
from support.tiny_models import expected, weighty_archive

pytestmark = pytest.mark.slow
ROWS = [[1.0, 2.0, 3.0, 4.0]]
TARGETS = [f"m{number}.tar.gz" for number in range(8)]


def add_targets(endpoint: LocalEndpoint, folder: Path, run: float = 0.0) -> None:
    for number, target in enumerate(TARGETS):
        endpoint.add_targets(weighty_archive(folder / target, number, run=run), [target])


def ask_all(endpoint: LocalEndpoint) -> None:
    client = runtime_client(endpoint.url)
    for number, target in enumerate(TARGETS):
        assert invoke(client, target, ROWS) == expected(ROWS, number)


@pytest.fixture
def three(serve: Serve, tmp_path: Path) -> LocalEndpoint:
    """Each with room for three or four of eight targets."""
    endpoint = serve(container="python", instances=3, memory="200MiB")
    add_targets(endpoint, tmp_path)
    return endpoint


def test_targets_stay_where_they_were_loaded_first(three: LocalEndpoint) -> None:
    assert three.instance_type.endswith("cpu-3x200MiB")
    for _ in range(3):
        ask_all(three)
    residency = three.measure()
    assert (residency.loads, residency.evictions) == (len(TARGETS), 0)
    assert sorted(residency.resident) == sorted(TARGETS)
    assert sorted(each.targets for each in residency.instances) == [2, 3, 3], "where there is most room"
    assert sum(each.invocations for each in residency.instances) == 3 * len(TARGETS)
    assert residency.memory_used == sum(each.memory_used for each in residency.instances) > 8 * 50_000_000
    assert residency.memory_budget == 600 * 2**20
    counters = read_counters(three.url)
    assert counters.loaded_models == len(TARGETS)
    with urllib.request.urlopen(f"{three.url}/metrics", timeout=30) as answer:
        assert b'mmebench_instance_evictions{instance="2"} 0.0' in answer.read()


def test_more_than_fit_in_all_of_them_are_evicted(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(container="python", instances=2, memory="120MiB")
    add_targets(endpoint, tmp_path)
    for _ in range(2):
        ask_all(endpoint)
    residency = endpoint.residency()
    assert residency.evictions >= len(TARGETS)
    assert all(each.evictions > 0 for each in residency.instances)
    assert 2 <= len(residency.resident) <= 4


def test_random_has_copies_of_all_everywhere(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(container="python", instances=2, memory="1GiB", routing="random")
    endpoint.add_targets(weighty_archive(tmp_path / "m.tar.gz", 1), ["m.tar.gz"])
    client = runtime_client(endpoint.url)
    for _ in range(40):
        assert invoke(client, "m.tar.gz", ROWS) == expected(ROWS, 1)
    residency = endpoint.residency()
    assert residency.resident == ("m.tar.gz",), "once, though both have it"
    assert [each.targets for each in residency.instances] == [1, 1]
    assert all(each.invocations > 5 for each in residency.instances)
    assert residency.loads == 2


def test_a_busy_instance_has_a_second_copy_elsewhere(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(container="python", instances=2, memory="1GiB", busy=2)
    endpoint.add_targets(weighty_archive(tmp_path / "m.tar.gz", 1, run=0.3), ["m.tar.gz"])
    client = runtime_client(endpoint.url)
    invoke(client, "m.tar.gz", ROWS)
    assert sorted(each.targets for each in endpoint.residency().instances) == [0, 1]
    invoke(client, "m.tar.gz", ROWS)
    assert sorted(each.targets for each in endpoint.residency().instances) == [0, 1], "none is busy"
    askers = [threading.Thread(target=invoke, args=(client, "m.tar.gz", ROWS)) for _ in range(6)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    residency = endpoint.residency()
    assert [each.targets for each in residency.instances] == [1, 1]
    assert all(each.in_flight == 0 for each in residency.instances)


def test_while_one_is_down_another_takes_its_requests(three: LocalEndpoint) -> None:
    ask_all(three)
    containers = psutil.Process(three.pid).children()
    assert len(containers) == 3
    containers[0].kill()
    containers[0].wait(30)
    ask_all(three)
    wait_until(lambda: len(psutil.Process(three.pid).children()) == 3)
    ask_all(three)
    counters = read_counters(three.url)
    assert counters.container_deaths == 1
    assert counters.invocation_5xx_errors == 0


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    assert "instances: got '0'" in refusal(tmp_path, "--instances", "0")
    assert "--routing: got 'nearest'" in refusal(tmp_path, "--instances", "2", "--routing", "nearest")
    by_url = refusal(tmp_path, "--instances", "2", "--container", "http://127.0.0.1:1")
    assert "a container given by URL is one instance" in by_url
    assert "each of 3 instances on this machine" in refusal(tmp_path, "--instances", "3", "--memory", "10TiB")


@pytest.mark.triton
def test_a_triton_for_each(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(container="triton", instances=2, memory="400MiB")
    add_targets(endpoint, tmp_path)
    ask_all(endpoint)
    residency = endpoint.residency()
    assert [each.targets for each in residency.instances] == [4, 4]
    assert residency.evictions == 0
    counted = read_counters(endpoint.url).targets
    assert {target: counted[target].successes for target in TARGETS} == dict.fromkeys(TARGETS, 1)
    assert len(psutil.Process(endpoint.pid).children()) == 2


@pytest.mark.parametrize("instances", [1, 2])
def test_a_deployment_puts_new_instances_in_the_place_of_all(serve: Serve, tmp_path: Path, instances: int) -> None:
    endpoint = serve(container="python", instances=instances, memory="1GiB")
    add_targets(endpoint, tmp_path)
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 5, run=1.0), ["slow.tar.gz"])
    ask_all(endpoint)
    old = {child.pid for child in psutil.Process(endpoint.pid).children()}
    client = runtime_client(endpoint.url)
    invoke(client, "slow.tar.gz", ROWS)
    answers: list[list[list[float]]] = []
    asker = threading.Thread(target=lambda: answers.append(invoke(client, "slow.tar.gz", ROWS)))
    asker.start()
    time.sleep(0.3)
    asked = time.monotonic()
    deployed = endpoint.deploy()
    residency = endpoint.residency()
    assert residency.resident == ()
    assert (residency.loads, residency.evictions) == (len(TARGETS) + 1, 0), "what was counted stays"
    asker.join()
    assert answers == [expected(ROWS, 5)], "an old one answers what it has"
    ask_all(endpoint)
    assert endpoint.residency().loads == 2 * len(TARGETS) + 1
    wait_until(lambda: not old & {child.pid for child in psutil.Process(endpoint.pid).children()})
    assert len(psutil.Process(endpoint.pid).children()) == instances
    (change,) = endpoint.changes()
    assert (change.what, change.instances) == ("deployed", instances)
    assert asked < change.at == deployed < time.monotonic()
    counters = read_counters(endpoint.url)
    assert counters.invocations == 2 * len(TARGETS) + 2
    assert counters.invocation_5xx_errors == 0


@pytest.mark.triton
def test_what_targets_counted_outlives_their_instances(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(container="triton", memory="1GiB")
    endpoint.add_targets(weighty_archive(tmp_path / "m.tar.gz", 1), ["m.tar.gz"])
    client = runtime_client(endpoint.url)
    for _ in range(2):
        invoke(client, "m.tar.gz", ROWS)
        endpoint.deploy()
        invoke(client, "m.tar.gz", ROWS)
    wait_until(lambda: len(psutil.Process(endpoint.pid).children()) == 1)
    assert read_counters(endpoint.url).targets["m.tar.gz"].successes == 4
    assert endpoint.residency().loads == 3


def test_instances_come_and_go_with_the_requests(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(
        container="python",
        instances=1,
        memory="1GiB",
        autoscaling={
            "max": 2,
            "invocations_per_instance": 60,
            "period": 1,
            "alarm_after": 2,
            "calm_after": 3,
            "scale_out_cooldown": 0,
            "scale_in_cooldown": 0,
            "delay": 1,
        },
    )
    add_targets(endpoint, tmp_path)
    client = runtime_client(endpoint.url)
    changes: list[tuple[str, int]] = []
    while ("added", 2) not in changes:
        invoke(client, TARGETS[0], ROWS)
        changes = [(change.what, change.instances) for change in endpoint.changes()]
        time.sleep(0.02)
    assert changes[:2] == [("alarm", 2), ("added", 2)]
    alarm, added = endpoint.changes()[:2]
    assert added.at - alarm.at > 0.9, "the delay of a second, which begins before the alarm is written down"
    ask_all(endpoint)
    wait_until(lambda: endpoint.changes()[-1].what == "removed")
    assert [(change.what, change.instances) for change in endpoint.changes()[2:]] == [("alarm", 1), ("removed", 1)]
    wait_until(lambda: len(psutil.Process(endpoint.pid).children()) == 1)
    ask_all(endpoint)
    assert endpoint.residency().instances == ()
    assert read_counters(endpoint.url).invocation_5xx_errors == 0


def test_autoscaling_that_cannot_be_is_refused(tmp_path: Path) -> None:
    scaling = ("--autoscaling", "max=3,invocations_per_instance=60")
    assert "instances is missing" in refusal(tmp_path, *scaling)
    assert "from autoscaling.min to autoscaling.max, 1 to 3" in refusal(tmp_path, *scaling, "--instances", "4")
    assert "invocations_per_instance" in refusal(tmp_path, "--autoscaling", "max=3", "--instances", "1")
    by_url = (*scaling, "--instances", "1", "--container", "http://127.0.0.1:1")
    assert "a container given by URL is one instance" in refusal(tmp_path, *by_url)
