"""Orders and reports that say what cannot be are refused where they are made."""

import pytest

from pipeline.domain.errors import OrderError
from pipeline.domain.orders import Order, Report, Standing


@pytest.mark.parametrize(
    "given",
    [
        {"order_id": ""},
        {"instrument": ""},
        {"quantity": 0.0},
        {"quantity": 1e-17},
        {"quantity": float("nan")},
        {"quantity": float("inf")},
        {"limit": float("nan")},
    ],
)
def test_an_order_that_is_none_is_refused(given):
    with pytest.raises(OrderError):
        Order(**{"order_id": "a", "instrument": "BTC", "quantity": 1.0} | given)


@pytest.mark.parametrize(
    "given", [{"report_id": ""}, {"order_id": ""}, {"filled": float("nan")}, {"price": float("inf")}]
)
def test_a_report_that_is_none_is_refused(given):
    with pytest.raises(OrderError):
        Report(**{"report_id": "m", "order_id": "a", "standing": Standing.WORKING} | given)


def test_only_intended_and_working_orders_may_still_trade():
    assert [each.value for each in Standing if not each.over] == ["intended", "working"]
