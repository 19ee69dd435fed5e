"""What CloudWatch recorded of an endpoint, a minute at a time.

Metrics and units: SageMaker developer guide, "CloudWatch metrics for multi-model endpoint deployments" and
"Monitor SageMaker with CloudWatch". Utilisation is in percent of one core or GPU, so that four go up to 400.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from mmebench.endpoints.endpoint import Metric
from mmebench.endpoints.sagemaker.aws import Aws, calling
from mmebench.endpoints.sagemaker.requests import VARIANT

DELIVERY_SECONDS = 120.0
"""CloudWatch shows a minute this long after its end; not documented, and more than has been reported."""

_PERIOD = 60
_SERVICE, _INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"


class _Query(NamedTuple):
    namespace: str
    metric: str
    statistic: str
    unit: str


def _queries() -> Iterator[_Query]:
    for metric in ("ModelLoadingWaitTime", "ModelDownloadingTime", "ModelLoadingTime", "ModelUnloadingTime"):
        for statistic in ("Average", "Maximum", "SampleCount"):
            yield _Query(_SERVICE, metric, statistic, "us")
    for statistic in ("Average", "SampleCount"):
        yield _Query(_SERVICE, "ModelCacheHit", statistic, "share")
    for metric in ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors"):
        yield _Query(_SERVICE, metric, "Sum", "count")
    for metric in ("ModelLatency", "OverheadLatency"):
        for statistic in ("Average", "Maximum"):
            yield _Query(_SERVICE, metric, statistic, "us")
    yield _Query(_INSTANCES, "LoadedModelCount", "Maximum", "count")
    for metric in (
        "GPUUtilization",
        "GPUMemoryUtilization",
        "CPUUtilization",
        "MemoryUtilization",
        "DiskUtilization",
    ):
        for statistic in ("Average", "Maximum"):
            yield _Query(_INSTANCES, metric, statistic, "percent")


_QUERIES = tuple(_queries())


def read_metrics(aws: Aws, endpoint: str, since: datetime, until: datetime) -> tuple[Metric, ...]:
    """All metrics of the whole minutes that the time touches; waits until CloudWatch must have the last of them.

    Raises:
        AwsError: CloudWatch does not answer.
    """
    time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds() + DELIVERY_SECONDS))
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": VARIANT}]
    asked = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {"Namespace": query.namespace, "MetricName": query.metric, "Dimensions": dimensions},
                "Period": _PERIOD,
                "Stat": query.statistic,
            },
        }
        for number, query in enumerate(_QUERIES)
    ]
    found: list[Metric] = []
    with calling(f"read the metrics of {endpoint}"):
        pages = aws.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=asked,
            StartTime=since.replace(second=0, microsecond=0),
            EndTime=until.replace(second=0, microsecond=0) + timedelta(seconds=_PERIOD),
            ScanBy="TimestampAscending",
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                query = _QUERIES[int(result["Id"].removeprefix("q"))]
                found += [
                    Metric(at.astimezone(UTC), "CloudWatch", query.metric, query.statistic, query.unit, value)
                    for at, value in zip(result["Timestamps"], result["Values"], strict=True)
                ]
    return tuple(found)
