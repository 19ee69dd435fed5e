"""``GET /metrics``: CloudWatch's metrics of a multi-model endpoint, by their names, for Prometheus.

Names and meanings are those of "Monitor Amazon SageMaker AI metrics with CloudWatch" in the developer guide; times
are in microseconds as there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from mmebench.endpoints.counters import TARGET_METRICS, TargetCounters
from mmebench.endpoints.endpoint import InstanceUse, Residency
from mmebench.server.endpoint_metrics import BOUNDS_US, Distribution, EndpointMetrics

CONTENT_TYPE = CONTENT_TYPE_LATEST

_TIMES = {
    "ModelLatency": "from the last byte of a request passed on to the last byte of the container's answer",
    "OverheadLatency": "what an invocation took beyond ModelLatency, loading included",
    "ModelLoadingWaitTime": "how long an invocation waited for its target to be fetched and loaded",
    "ModelDownloadingTime": "getting an archive from the store and unpacking it; not when it is on disk already",
    "ModelLoadingTime": "loading a target through the container's own call",
    "ModelUnloadingTime": "unloading a target through the container's own call, until its memory is free",
}
_COUNTS = {
    "Invocations": "InvokeEndpoint requests",
    "Invocation4XXErrors": "requests that were answered with 4XX, 424 ModelError and malformed HTTP included",
    "Invocation5XXErrors": "InvokeEndpoint requests that were answered with 5XX",
    "InvocationModelErrors": "requests that the container did not answer with 2XX, retried or not",
    "mmebench_container_deaths": "times that the container died, or was given up",
    "mmebench_convicted_requests": "requests refused as their like was under way at two deaths of the container",
}
_TARGET_COUNTS = {
    "nv_inference_request_success": "requests that succeeded",
    "nv_inference_request_failure": "requests that failed",
    "nv_inference_count": "inferences, each row of a batch",
    "nv_inference_exec_count": "executions of the model, each a batch",
    "nv_inference_queue_duration_us": "microseconds that requests waited in Triton's queue",
    "nv_inference_compute_input_duration_us": "microseconds of preparing inputs",
    "nv_inference_compute_infer_duration_us": "microseconds of running the model",
    "nv_inference_compute_output_duration_us": "microseconds of taking outputs",
}
_INSTANCE_COUNTS = {
    "invocations": "requests that the instance got",
    "in_flight": "requests that it has not answered yet",
    "targets": "targets in its memory",
    "loads": "targets that it loaded",
    "evictions": "targets evicted from its memory",
}


def exposition(metrics: EndpointMetrics, residency: Residency, targets: Mapping[str, TargetCounters]) -> bytes:
    """Everything in Prometheus' text format.

    Args:
        metrics: of the endpoint.
        residency: what is in memory, a copy on each of several instances.
        targets: what containers counted for each.
    """
    loaded = sum(each.targets for each in residency.instances) or len(residency.resident)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(
        _Families((*_endpoint(metrics, loaded), *_targets(targets), *_instances(residency.instances)))
    )
    return generate_latest(registry)


class _Families(Collector):
    """Families that are made already, in the form in which a registry takes them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families

    def describe(self) -> Iterable[Metric]:
        return ()


def _endpoint(metrics: EndpointMetrics, loaded: int) -> Iterator[Metric]:
    counts = (
        metrics.invocations,
        metrics.errors_4xx,
        metrics.errors_5xx,
        metrics.model_errors,
        metrics.container_deaths,
        metrics.convicted,
    )
    for (name, about), count in zip(_COUNTS.items(), counts, strict=True):
        yield _counter(name, about, [({}, count)])
    hits = "1 for an invocation whose target was in memory, 0 for one that waited for a load; sum / count: ratio"
    yield SummaryMetricFamily("ModelCacheHit", hits, metrics.cache_lookups, metrics.cache_hits)
    yield GaugeMetricFamily("LoadedModelCount", "targets in memory", loaded)
    times = (
        metrics.model_latency,
        metrics.overhead_latency,
        metrics.loading_wait,
        metrics.downloading,
        metrics.loading,
        metrics.unloading,
    )
    for (name, about), times_of in zip(_TIMES.items(), times, strict=True):
        yield _histogram(name, f"microseconds: {about}", times_of)


def _targets(targets: Mapping[str, TargetCounters]) -> Iterator[Metric]:
    for name, about in _TARGET_COUNTS.items():
        field = TARGET_METRICS[name]
        values = [({"target": target}, getattr(counters, field)) for target, counters in targets.items()]
        yield _counter(name, f"{about}, since the endpoint came up, over all loads of the target", values)


def _instances(instances: Sequence[InstanceUse]) -> Iterator[Metric]:
    """Where there are several; CloudWatch does not tell those of a multi-model endpoint apart."""
    if not instances:
        return
    for field, about in _INSTANCE_COUNTS.items():
        values = [({"instance": str(number)}, getattr(each, field)) for number, each in enumerate(instances)]
        yield _counter(f"mmebench_instance_{field}", about, values)


def _counter(name: str, about: str, values: Iterable[tuple[dict[str, str], float]]) -> Metric:
    """A counter under the name that it has elsewhere; Prometheus would have it end in ``_total``."""
    family = Metric(name, about, "unknown")
    for labels, value in values:
        family.add_sample(name, labels, value)
    return family


def _histogram(name: str, about: str, distribution: Distribution) -> Metric:
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*map(float, BOUNDS_US), "+Inf"), distribution.counts, strict=True):
        total += count
        buckets.append((str(bound), total))
    return HistogramMetricFamily(name, about, buckets=buckets, sum_value=distribution.sum * 1e6)
