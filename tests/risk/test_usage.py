"""Every rule that has a limit can say how much of it is used."""

import math

import pytest

from pipeline.domain.overlay_settings import OWN_ACTIONS, OverlaySettings
from pipeline.risk.situation import Situation
from pipeline.risk.usage import usage

SEEN = Situation(
    instrument="BTC", position=-3.0, working=1.0, bid=99.0, ask=103.0, age=0.5, reference=100.0, resting=(),
    delta=1.0, orders=4, turnover=250.0, loss=7.0, drawdown=9.0, outside=0.1, interval_ratio=3.0,
)  # fmt: skip


def test_each_rule_is_held_against_what_it_limits():
    found = usage(OverlaySettings(**dict.fromkeys(OWN_ACTIONS, 10.0)), SEEN, asked=-0.7)
    assert {each.rule: each.value for each in found} == {
        "position": 2.0, "notional": 202.0, "order_size": 0.7, "short": 2.0, "delta_distance": 3.0,
        "price_collar": 0.03, "stale_seconds": 0.5, "orders_a_minute": 4.0, "turnover_a_day": 250.0,
        "loss_a_day": 7.0, "drawdown": 9.0, "outside_training": 0.1, "interval_ratio": 3.0,
    }  # fmt: skip
    assert found[0].share == pytest.approx(0.2)


def test_of_a_limit_of_zero_nothing_or_too_much_is_used():
    short = OverlaySettings(short=0.0)
    assert usage(short, SEEN, 0.0)[0].share == math.inf
    assert usage(short, SEEN._replace(position=3.0), 0.0)[0].share == 0.0


def test_what_is_not_limited_is_not_told():
    assert usage(OverlaySettings(restricted=("BTC",)), SEEN, 0.0) == []
