"""What the endpoint counts, as Prometheus and our own reader see it."""

import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from mmebench.endpoints.counters import EndpointCounters, TargetCounters, parse_counters, read_counters
from mmebench.endpoints.endpoint import InstanceUse, Residency
from mmebench.errors import MmebenchError
from mmebench.server.endpoint_metrics import EndpointMetrics
from mmebench.server.front.metrics import exposition
from support.free_ports import free_ports
from support.invocations import invoke, runtime_client
from support.patience import wait_until
from support.serving import Serve
from support.tiny_models import expected, weighty_archive

VALUES = [[1.0, 2.0, 3.0, 4.0]]


def test_the_text_says_what_was_counted_by_the_names_of_cloudwatch() -> None:
    metrics = EndpointMetrics()
    metrics.invocations, metrics.cache_lookups, metrics.cache_hits = 7, 6, 5
    for status in (424, 400, 503):
        metrics.refused(status)
    for seconds in (0.0009, 0.001, 0.0015, 100.0):
        metrics.model_latency.observe(seconds)
    text = exposition(
        metrics, Residency(("a", "b", "c"), 3, 0, 0, 1000), {'odd "name"\\.tar.gz': TargetCounters(queue_us=12)}
    ).decode()
    lines = text.splitlines()
    for line in (
        "Invocations 7.0",
        "Invocation4XXErrors 2.0",
        "Invocation5XXErrors 1.0",
        "ModelCacheHit_sum 5.0",
        "ModelCacheHit_count 6.0",
        "LoadedModelCount 3.0",
        'ModelLatency_bucket{le="500.0"} 0.0',
        'ModelLatency_bucket{le="1000.0"} 2.0',
        'ModelLatency_bucket{le="2000.0"} 3.0',
        'ModelLatency_bucket{le="+Inf"} 4.0',
        "ModelLatency_count 4.0",
    ):
        assert line in lines, text
    assert "# HELP ModelLatency microseconds: from the last byte" in text
    found = parse_counters(text)
    assert (found.invocations, found.successes, found.loaded_models) == (7, 4, 3)
    assert found.model_latency_us == pytest.approx(100_003_400)
    assert found.targets == {'odd "name"\\.tar.gz': TargetCounters(queue_us=12)}


def test_several_instances_are_told_apart() -> None:
    instances = (InstanceUse(2, 5, 3, 100, 1000, 40, 1), InstanceUse(2, 2, 0, 100, 1000, 10, 0))
    residency = Residency(("a", "b", "c"), 7, 3, 200, 2000, instances=instances)
    lines = exposition(EndpointMetrics(), residency, {}).decode().splitlines()
    for line in (
        "LoadedModelCount 4.0",
        'mmebench_instance_invocations{instance="0"} 40.0',
        'mmebench_instance_invocations{instance="1"} 10.0',
        'mmebench_instance_in_flight{instance="0"} 1.0',
        'mmebench_instance_targets{instance="1"} 2.0',
        'mmebench_instance_evictions{instance="0"} 3.0',
    ):
        assert line in lines


def test_counters_are_added_and_subtracted_field_by_field() -> None:
    earlier, later = TargetCounters(1, 2, 3, 4, 5, 6, 7, 8), TargetCounters(*range(10, 90, 10))
    assert later - earlier == TargetCounters(9, 18, 27, 36, 45, 54, 63, 72)
    assert later - earlier + earlier == later


@pytest.mark.triton
def test_requests_are_counted_and_their_time_is_split(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve()
    endpoint.add_targets(weighty_archive(tmp_path / "slow.tar.gz", 1, load=0.5, run=0.1), ["slow.tar.gz"])
    client, asked = runtime_client(endpoint.url), time.monotonic()
    for _ in range(3):
        assert invoke(client, "slow.tar.gz", VALUES) == expected(VALUES, 1)
    with pytest.raises(client.exceptions.ModelError):
        invoke(client, "slow.tar.gz", [[1.0]])
    with pytest.raises(client.exceptions.ValidationError):
        invoke(client, "nothing.tar.gz", VALUES)
    took_us = 1e6 * (time.monotonic() - asked)
    found = read_counters(endpoint.url)
    assert (found.invocations, found.successes, found.loaded_models) == (5, 3, 1)
    assert (found.invocation_4xx_errors, found.invocation_5xx_errors, found.invocation_model_errors) == (2, 0, 1)
    assert (found.model_cache_hits, found.model_cache_lookups) == (3, 5)
    assert found.model_latency_us > 3 * 100_000
    assert 500_000 < found.model_loading_wait_us < found.overhead_latency_us
    assert found.model_latency_us + found.overhead_latency_us < took_us, "and no more than all of it took"
    slow = found.targets["slow.tar.gz"]
    assert (slow.successes, slow.inferences, slow.executions) == (3, 3, 3)
    assert 3 * 100_000 < slow.compute_infer_us < found.model_latency_us
    assert slow.queue_us + slow.compute_input_us + slow.compute_infer_us < found.model_latency_us
    # Triton takes its time of the outputs after the answer is on its way, which may have arrived by then.
    assert slow.compute_output_us > 0
    with urllib.request.urlopen(f"{endpoint.url}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        text = answer.read().decode()
    for name in ("ModelLoadingTime", "ModelDownloadingTime", "ModelLoadingWaitTime"):
        assert f"{name}_count 1.0" in text
    assert 'nv_inference_count{target="slow.tar.gz"} 3.0' in text


@pytest.mark.triton
def test_what_a_target_counted_outlives_its_unload_and_its_container(serve: Serve, tmp_path: Path) -> None:
    endpoint = serve(memory="100MiB")  # one fits
    endpoint.add_targets(weighty_archive(tmp_path / "w.tar.gz", 1), ["a.tar.gz", "b.tar.gz"])
    client = runtime_client(endpoint.url)
    for target in ("a.tar.gz", "a.tar.gz", "b.tar.gz", "a.tar.gz", "b.tar.gz"):
        invoke(client, target, VALUES)
    # Triton counts a request after its answer is on its way.
    wait_until(lambda: successes(endpoint.url) == {"a.tar.gz": 3, "b.tar.gz": 2})
    (triton,) = psutil.Process(endpoint.pid).children()
    triton.kill()
    wait_until(lambda: answers(client))
    wait_until(lambda: successes(endpoint.url) == {"a.tar.gz": 4, "b.tar.gz": 2})


def successes(url: str) -> dict[str, int]:
    counters: EndpointCounters = read_counters(url)
    return {target: found.successes for target, found in counters.targets.items()}


def answers(client: Any) -> bool:
    try:
        np.testing.assert_allclose(invoke(client, "a.tar.gz", VALUES), expected(VALUES, 1))
    except (client.exceptions.InternalFailure, client.exceptions.ServiceUnavailable):
        return False
    return True


def test_nobody_there() -> None:
    (port,) = free_ports(1)
    with pytest.raises(MmebenchError, match="no counters of a local endpoint"):
        read_counters(f"http://127.0.0.1:{port}")
