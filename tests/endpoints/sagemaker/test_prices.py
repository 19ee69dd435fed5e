"""Prices: AWS's own, the spec's, or a dated table; moto has no Price List API, so botocore's Stubber answers."""

import json
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.endpoints.sagemaker.prices import check_budget, find_price, most_it_can_cost
from mmebench.errors import BadInputError
from mmebench.record.run import Price
from mmebench.spec import SageMakerEndpoint as Spec
from support import cloud

BASIC = cloud.ENDPOINT


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return Aws("us-east-1")


def product(usd: str, unit: str = "Hrs") -> str:
    dimension = {"unit": unit, "pricePerUnit": {"USD": usd}, "description": "Hosting:ml.g5.xlarge"}
    terms = {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": dimension}}}}
    return json.dumps({"product": {"attributes": {"instanceName": "ml.g5.xlarge"}}, "terms": terms})


def ask(aws: Aws, products: list[str], **change: Any) -> Price:
    asked = {"ServiceCode": "AmazonSageMaker", "FormatVersion": "aws_v1", "Filters": ANY}
    with Stubber(aws.pricing) as stub:
        stub.add_response("get_products", {"FormatVersion": "aws_v1", "PriceList": products}, asked)
        return find_price(aws, Spec.model_validate(BASIC | change))


def test_the_price_that_aws_publishes(aws: Aws) -> None:
    price = ask(aws, [product("1.4080000000"), product("0.10", unit="GB-Mo")])
    assert price.usd_per_hour == 1.408
    assert price.source.startswith("AWS Price List API, 20")
    assert aws.pricing.meta.region_name == "us-east-1", "the API is in few regions only"


def test_what_is_asked(aws: Aws) -> None:
    filters = [
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-1"},
        {"Type": "TERM_MATCH", "Field": "instanceName", "Value": "ml.g5.xlarge"},
        {"Type": "TERM_MATCH", "Field": "component", "Value": "Hosting"},
    ]
    asked = {"ServiceCode": "AmazonSageMaker", "FormatVersion": "aws_v1", "Filters": filters}
    with Stubber(aws.pricing) as stub:
        stub.add_response("get_products", {"PriceList": [product("1.57")]}, asked)
        assert find_price(aws, Spec.model_validate(BASIC | {"region": "eu-west-1"})).usd_per_hour == 1.57


def test_the_specs_own_price_asks_nobody(aws: Aws) -> None:
    spec = Spec.model_validate(BASIC | {"prices": {"ml.g5.xlarge": 0.9}})
    assert find_price(aws, spec) == Price(usd_per_hour=0.9, source="the spec")


@pytest.mark.parametrize("products", [[], [product("1.4"), product("1.5")]])
def test_a_dated_price_says_so(aws: Aws, products: list[str]) -> None:
    assert ask(aws, products) == Price(usd_per_hour=1.4084, source="a table of 2025-01-26 for us-east-1")


def test_a_price_that_nobody_knows_is_asked_for(aws: Aws) -> None:
    with pytest.raises(
        BadInputError, match=r"endpoint\.prices: nobody says what ml\.g5\.xlarge costs in eu-west-1"
    ):
        ask(aws, [], region="eu-west-1")
    with Stubber(aws.pricing) as stub:
        stub.add_client_error("get_products", "AccessDeniedException", "no")
        with pytest.raises(BadInputError, match=r"may not do this.*\{ml\.g7\.xlarge: …\}"):
            find_price(aws, Spec.model_validate(BASIC | {"instance_type": "ml.g7.xlarge"}))


def test_a_spec_that_could_cost_more_than_its_budget() -> None:
    spec = Spec.model_validate(
        {key: value for key, value in BASIC.items() if key != "instance_type"}
        | {"instance_types": ["ml.g5.xlarge", "ml.g4dn.xlarge"], "lifetime": "90m", "instance_count": 2}
    )
    prices = {
        "ml.g5.xlarge": Price(usd_per_hour=2.0, source=""),
        "ml.g4dn.xlarge": Price(usd_per_hour=1.0, source=""),
    }
    # Two endpoints of each type for 1.5 hours on 2 instances, and an hour for an engine: 7 hours at $2 and $1.
    assert most_it_can_cost(spec, prices, runs=2, builds=1) == pytest.approx(21.0)
    check_budget(spec.model_copy(update={"budget": 21.0}), prices, runs=2, builds=1)
    with pytest.raises(
        BadInputError,
        match=r"budget: \$20\.00 is less than the \$21\.00 .* 4 endpoints, with up to 2 .* 90 minutes",
    ):
        check_budget(spec, prices, runs=2, builds=1)


def test_endpoints_of_one_model_are_all_paid_for() -> None:
    spec = Spec.model_validate(BASIC | {"hosting": "single", "most_endpoints": 4, "lifetime": "1h", "budget": 7.0})
    prices = {"ml.g5.xlarge": Price(usd_per_hour=2.0, source="")}
    with pytest.raises(
        BadInputError, match=r"\$7\.00 is less than the \$8\.00 [^$]* 4 endpoints .*, or endpoint\.most_endpoints"
    ):
        check_budget(spec, prices, runs=1, builds=0)
    check_budget(spec.model_copy(update={"most_endpoints": 3}), prices, runs=1, builds=0)


def test_the_most_instances_that_autoscaling_starts_are_paid_for() -> None:
    spec = Spec.model_validate(
        BASIC | {"autoscaling": {"max": 5, "invocations_per_instance": 60}, "lifetime": "1h", "budget": 9.0}
    )
    prices = {"ml.g5.xlarge": Price(usd_per_hour=2.0, source="")}
    assert most_it_can_cost(spec, prices, runs=1, builds=0) == pytest.approx(10.0)
    both_fleets = spec.model_copy(update={"blue_green": True})
    assert most_it_can_cost(both_fleets, prices, runs=1, builds=0) == pytest.approx(20.0)
    with pytest.raises(
        BadInputError, match=r"each of its 1 endpoint, with up to 10 instances, .*\(endpoint\.blue_green\)"
    ):
        check_budget(both_fleets, prices, runs=1, builds=0)
