"""CloudWatch, moto's own over HTTP: what was published comes back, minute by minute."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mmebench.endpoints.sagemaker import cloudwatch
from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.endpoints.sagemaker.cloudwatch import read_metrics
from support import cloud

NAME = "mmebench-20991231t235959z-1a2b3c4d"


def publish(account: str, namespace: str, metric: str, at: datetime, *values: float, name: str = NAME) -> None:
    dimensions = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "AllTraffic"}]
    data: list[Any] = [
        {"MetricName": metric, "Dimensions": dimensions, "Timestamp": at, "Value": value} for value in values
    ]
    cloud.client("cloudwatch", account).put_metric_data(Namespace=namespace, MetricData=data)


def test_what_was_published_comes_back(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch, "DELIVERY_SECONDS", 0.0)
    end = datetime.now(UTC).replace(second=20, microsecond=0) - timedelta(minutes=1)
    start = end - timedelta(minutes=2)
    publish(account, "AWS/SageMaker", "ModelLoadingTime", start, 1e6, 3e6)
    publish(account, "AWS/SageMaker", "ModelCacheHit", end, 0, 1, 1, 1)
    publish(account, "/aws/sagemaker/Endpoints", "GPUMemoryUtilization", end, 40, 60)
    publish(account, "/aws/sagemaker/Endpoints", "LoadedModelCount", end, 17)
    publish(account, "AWS/SageMaker", "ModelCacheHit", end, 0, name="another")
    publish(account, "AWS/SageMaker", "ModelCacheHit", start - timedelta(minutes=5), 0)
    found = read_metrics(Aws("us-east-1"), NAME, start, end)
    minute = timedelta(minutes=1)
    by_name = {(metric.metric, metric.statistic): metric for metric in found}
    assert {key: metric.value for key, metric in by_name.items()} == {
        ("ModelLoadingTime", "Average"): 2e6,
        ("ModelLoadingTime", "Maximum"): 3e6,
        ("ModelLoadingTime", "SampleCount"): 2,
        ("ModelCacheHit", "Average"): 0.75,
        ("ModelCacheHit", "SampleCount"): 4,
        ("GPUMemoryUtilization", "Average"): 50,
        ("GPUMemoryUtilization", "Maximum"): 60,
        ("LoadedModelCount", "Maximum"): 17,
    }
    loading = by_name["ModelLoadingTime", "Average"]
    assert loading.unit == "us"
    assert start - minute < loading.at <= start
    assert all(metric.source == "CloudWatch" for metric in found)
