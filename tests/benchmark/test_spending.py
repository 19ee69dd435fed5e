from itertools import count
from unittest.mock import patch

import pytest

from mmebench.benchmark.spending import Spending
from mmebench.record.run import Price

PRICE = Price(usd_per_hour=3.6, source="a test")


def test_it_adds_up_while_endpoints_are_there_and_no_longer() -> None:
    spending = Spending()
    with patch(
        "mmebench.benchmark.spending.uptime", side_effect=count(0, 100)
    ):  # 100 seconds between any two looks
        spending.begin("one", PRICE)  # at 0
        assert spending.so_far() == pytest.approx(0.1)  # at 100
        spending.begin("two", PRICE)  # at 200
        assert spending.end("one") == 300
        assert spending.so_far() == pytest.approx(0.3 + 0.2)  # the first ended at 300; now it is 400
        assert spending.end("two") == 300


def test_what_has_no_price_and_what_never_was_cost_nothing() -> None:
    spending = Spending()
    assert spending.so_far() is None
    spending.begin("local", None)
    assert spending.so_far() is None
    assert spending.end("failed") == 0
