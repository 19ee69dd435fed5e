"""What an endpoint has counted, as it says at ``/metrics``: for the difference between two moments.

With the latency that the client saw, two snapshots tell where the time of a stage went. What is in neither
``model_latency_us`` nor ``overhead_latency_us`` is the client's and the network's. The overhead is the router's.
The container's own counters split the model latency into waiting in its queue and computing.
"""

import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from mmebench.errors import MmebenchError

_SECONDS = 30


@dataclass(frozen=True)
class TargetCounters:
    """What the container counted for one target since the endpoint came up, over all loads of the target.

    When a container dies, what it counted since it was last asked is lost.
    """

    successes: int = 0
    failures: int = 0
    inferences: int = 0
    """Rows of all batches."""
    executions: int = 0
    """Batches."""
    queue_us: int = 0
    """Microseconds, as the next three: summed over requests."""
    compute_input_us: int = 0
    compute_infer_us: int = 0
    compute_output_us: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __sub__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True)
class EndpointCounters:
    """What the endpoint counted since it came up. The names are those of CloudWatch."""

    invocations: int
    invocation_4xx_errors: int
    invocation_5xx_errors: int
    invocation_model_errors: int
    container_deaths: int
    model_cache_hits: int
    model_cache_lookups: int
    model_latency_us: float
    """Microseconds, as the next two: summed over the invocations that succeeded."""
    overhead_latency_us: float
    model_loading_wait_us: float
    successes: int
    """Invocations that the latencies are summed over."""
    loaded_models: int
    """Targets in memory at this moment, which no difference can be taken of."""
    targets: Mapping[str, TargetCounters] = field(default_factory=dict)
    """By target; those that were never loaded are left out."""


_ENDPOINT = {
    "invocations": "Invocations",
    "invocation_4xx_errors": "Invocation4XXErrors",
    "invocation_5xx_errors": "Invocation5XXErrors",
    "invocation_model_errors": "InvocationModelErrors",
    "container_deaths": "mmebench_container_deaths",
    "model_cache_hits": "ModelCacheHit_sum",
    "model_cache_lookups": "ModelCacheHit_count",
    "model_latency_us": "ModelLatency_sum",
    "overhead_latency_us": "OverheadLatency_sum",
    "model_loading_wait_us": "ModelLoadingWaitTime_sum",
    "successes": "ModelLatency_count",
    "loaded_models": "LoadedModelCount",
}
TARGET_METRICS = {
    "nv_inference_request_success": "successes",
    "nv_inference_request_failure": "failures",
    "nv_inference_count": "inferences",
    "nv_inference_exec_count": "executions",
    "nv_inference_queue_duration_us": "queue_us",
    "nv_inference_compute_input_duration_us": "compute_input_us",
    "nv_inference_compute_infer_duration_us": "compute_infer_us",
    "nv_inference_compute_output_duration_us": "compute_output_us",
}
"""Triton's own names of what is counted for a target."""


def read_counters(url: str) -> EndpointCounters:
    """Ask the local endpoint at the base URL ``url`` what it has counted so far.

    Raises:
        MmebenchError: it does not answer, or is no local endpoint.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy leads to this machine
    try:
        with direct.open(f"{url.rstrip('/')}/metrics", timeout=_SECONDS) as answer:
            return parse_counters(answer.read().decode())
    except (OSError, ValueError, KeyError) as error:
        raise MmebenchError(f"{url}/metrics: no counters of a local endpoint: {error}") from error


def parse_counters(text: str) -> EndpointCounters:
    """The counters in what ``/metrics`` said; raises KeyError or ValueError when they are not there."""
    from prometheus_client.parser import text_string_to_metric_families

    values: dict[str, float] = {}
    targets: dict[str, dict[str, int]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in TARGET_METRICS:
                targets.setdefault(sample.labels["target"], {})[TARGET_METRICS[sample.name]] = int(sample.value)
            else:
                values[sample.name] = sample.value
    endpoint: dict[str, Any] = {name: values[metric] for name, metric in _ENDPOINT.items()}
    for name in endpoint:
        if not name.endswith("_us"):
            endpoint[name] = int(endpoint[name])
    return EndpointCounters(**endpoint, targets={name: TargetCounters(**found) for name, found in targets.items()})
