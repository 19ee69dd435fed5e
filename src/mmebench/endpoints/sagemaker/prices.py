"""What an instance costs an hour, and whether a spec can cost more than its budget."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from mmebench.endpoints.sagemaker.aws import Aws, AwsError, calling
from mmebench.errors import BadInputError
from mmebench.record.run import Price
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint
from mmebench.units import counted

_HOUR = 3600.0
BUILD_SECONDS = 3600
"""Longest time that a TensorRT engine may take; the job is stopped then."""

_TABLE_REGION = "us-east-1"
_TABLE_SOURCE = "a table of 2025-01-26 for us-east-1"
_TABLE = {
    "ml.g4dn.xlarge": 0.7364, "ml.g4dn.2xlarge": 0.94, "ml.g4dn.4xlarge": 1.505, "ml.g4dn.8xlarge": 2.72,
    "ml.g4dn.12xlarge": 4.89, "ml.g4dn.16xlarge": 5.44,
    "ml.g5.xlarge": 1.4084, "ml.g5.2xlarge": 1.515, "ml.g5.4xlarge": 2.03, "ml.g5.8xlarge": 3.06,
    "ml.g5.12xlarge": 7.09, "ml.g5.24xlarge": 10.18, "ml.g5.48xlarge": 20.36,
    "ml.g6.2xlarge": 1.222, "ml.g6.12xlarge": 5.752, "ml.g6.16xlarge": 4.246, "ml.g6.24xlarge": 8.344,
    "ml.g6.48xlarge": 16.688,
    "ml.p3.2xlarge": 3.825, "ml.p4d.24xlarge": 37.688, "ml.p5.48xlarge": 113.068,
}  # fmt: skip
"""On-demand hosting, US dollars an hour: the list that ships with FMBench, of that date; for want of better."""


def find_price(aws: Aws, spec: SageMakerEndpoint) -> Price:
    """That of one instance of ``spec.instance_type``: the spec's, else what AWS publishes now, else a dated table.

    Raises:
        BadInputError: nobody knows.
    """
    instance_type = spec.instance_type
    if instance_type in spec.prices:
        return Price(usd_per_hour=spec.prices[instance_type], source="the spec")
    try:
        return live_price(aws, instance_type, spec.region)
    except AwsError as error:
        if spec.region == _TABLE_REGION and instance_type in _TABLE:
            return Price(usd_per_hour=_TABLE[instance_type], source=_TABLE_SOURCE)
        raise BadInputError(
            f"endpoint.prices: nobody says what {instance_type} costs in {spec.region} ({error}); "
            f"give it in US dollars an hour, {{{instance_type}: …}}"
        ) from None


def live_price(aws: Aws, instance_type: str, region: str) -> Price:
    """On-demand hosting, from the Price List API.

    Raises:
        AwsError: it does not answer, or does not have exactly one price.
    """
    wanted = {"regionCode": region, "instanceName": instance_type, "component": "Hosting"}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    what = f"price of {instance_type} in {region}"
    with calling(what):
        pages = aws.pricing.get_paginator("get_products").paginate(
            ServiceCode="AmazonSageMaker", Filters=filters, FormatVersion="aws_v1"
        )
        products = [json.loads(item) for page in pages for item in page["PriceList"]]
    prices = {price for product in products for price in _hourly(product)}
    if len(prices) != 1:
        raise AwsError(f"{what}: the Price List API has {len(prices)} prices, not one", "", "")
    return Price(usd_per_hour=prices.pop(), source=f"AWS Price List API, {datetime.now(UTC):%Y-%m-%d}")


def _hourly(product: dict[str, Any]) -> Iterable[float]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            if dimension["unit"] == "Hrs":
                yield float(dimension["pricePerUnit"]["USD"])


def most_it_can_cost(spec: SageMakerEndpoint, prices: dict[str, Price], runs: int, builds: int) -> float:
    """US dollars if every endpoint lives as long as it may, and every engine takes as long as it may to build.

    Args:
        spec: of any number of instance types.
        prices: by instance type.
        runs: endpoints on each instance type.
        builds: jobs on each instance type; at the price of hosting.
    """
    hours = (runs * spec.lifetime * spec.most_instances + builds * BUILD_SECONDS) / _HOUR
    return sum(prices[one].usd_per_hour * hours for one in spec.instance_types)


def check_budget(spec: SageMakerEndpoint, prices: dict[str, Price], runs: int, builds: int) -> None:
    """Refuse a spec that could cost more than its budget.

    Raises:
        BadInputError: it could.
    """
    worst = most_it_can_cost(spec, prices, runs, builds)
    if worst > spec.budget:
        shown = ", ".join(f"{one} ${prices[one].usd_per_hour:.4g} an hour" for one in spec.instance_types)
        count = runs * len(spec.instance_types) * (spec.most_targets or 1)
        fewer = ", or endpoint.most_endpoints" if spec.most_targets else ""
        of_each = spec.most_instances // (spec.most_targets or 1)
        instances = f", with up to {of_each} instances," if of_each > 1 else ""
        twice = ", a second fleet while instances are replaced (endpoint.blue_green)" if spec.blue_green else ""
        raise BadInputError(
            f"endpoint.budget: ${spec.budget:.2f} is less than the ${worst:.2f} that the spec costs if each of "
            f"its {counted(count, 'endpoint')}{instances} lives for endpoint.lifetime, "
            f"{spec.lifetime / 60:.0f} minutes ({shown}{twice}); raise the budget, or lower the lifetime{fewer}"
        )
