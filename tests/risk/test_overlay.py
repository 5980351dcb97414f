"""Every rule cuts what it has to, lets through what brings the desk back, and fails closed."""

import math
from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import SettingsError
from pipeline.domain.overlay_settings import AT_ONCE, OWN_ACTIONS, Action, OverlaySettings
from pipeline.risk.overlay import Overlay
from pipeline.risk.rules import OF_ORDERS, OF_STATE
from pipeline.risk.situation import Situation

CALM = Situation(
    instrument="BTC",
    position=2.0,
    working=0.0,
    bid=99.0,
    ask=101.0,
    age=0.5,
    reference=100.0,
    resting=(),
    delta=2.0,
    orders=0,
    turnover=0.0,
    loss=0.0,
    drawdown=0.0,
    outside=0.0,
    interval_ratio=1.5,
)


def judged(units, seen=CALM, only_reducing=False, permitted=0.0, **rules):
    return Overlay(OverlaySettings(**rules)).judge(units, seen, only_reducing, permitted)


@pytest.mark.parametrize(
    ("rules", "seen", "units", "left"),
    [
        ({"position": 3.0}, {}, 5.0, 1.0),
        ({"position": 3.0}, {"working": 0.5}, 5.0, 0.5),
        ({"position": 3.0}, {"position": 9.0}, 1.0, 0.0),
        ({"position": 3.0}, {"position": 9.0}, -20.0, -12.0),
        ({"notional": 250.0}, {}, 5.0, 0.5),
        ({"short": 0.0}, {}, -5.0, -2.0),
        ({"short": 0.0}, {"position": -1.0}, -1.0, 0.0),
        ({"order_size": 0.4}, {}, -5.0, -0.4),
        ({"delta_distance": 0.5}, {}, 5.0, 0.5),
        ({"delta_distance": 0.5}, {"delta": 0.0}, -3.0, -2.5),
        ({"delta_distance": 0.5}, {"delta": 0.0}, 3.0, 0.0),
        ({"price_collar": 0.02}, {"ask": 103.0}, 1.0, 0.0),
        ({"price_collar": 0.02}, {"ask": 103.0}, -1.0, -1.0),
        ({"price_collar": 0.02}, {"reference": math.nan}, 1.0, 1.0),
        ({"stale_seconds": 1.0}, {"age": 1.1}, -1.0, 0.0),
        ({"orders_a_minute": 3}, {"orders": 3}, 1.0, 0.0),
        ({"orders_a_minute": 3}, {"orders": 2}, 1.0, 1.0),
        ({"turnover_a_day": 300.0}, {"turnover": 200.0}, 5.0, 1.0),
        ({"turnover_a_day": 300.0}, {"turnover": 300.0}, 5.0, 0.0),
        ({"turnover_a_day": 300.0}, {"turnover": 300.0}, -5.0, -2.0),
        ({"loss_a_day": 10.0}, {"loss": 10.5}, 1.0, 0.0),
        ({"loss_a_day": 10.0}, {"loss": 10.5}, -3.0, -2.0),
        ({"drawdown": 10.0}, {"drawdown": 11.0}, -1.0, -1.0),
        ({"outside_training": 0.2}, {"outside": 0.3}, 1.0, 0.0),
        ({"outside_training": 0.2}, {"outside": math.nan}, 1.0, 0.0),
        ({"interval_ratio": 3.0}, {"interval_ratio": math.inf}, 1.0, 0.0),
        ({"restricted": ("BTC",)}, {}, 1.0, 0.0),
        ({"restricted": ("BTC",)}, {}, -3.0, -2.0),
        ({"restricted": ("eth/usd", "x-bt")}, {}, 1.0, 0.0),
        ({}, {"bid": math.nan}, 1.0, 0.0),
        ({}, {"bid": 101.0}, 1.0, 0.0),
        ({}, {"resting": ((101.0, -1.0),)}, 1.0, 0.0),
        ({}, {"resting": ((102.0, -1.0), (99.0, 1.0))}, 1.0, 1.0),
        ({}, {"resting": ((99.0, 1.0),)}, -1.0, 0.0),
    ],
)
def test_each_rule_leaves_what_it_allows(rules, seen, units, left):
    found = judged(units, CALM._replace(**seen), **rules)
    assert found.units == pytest.approx(left)
    assert bool(found.rulings) == (left != units or bool(set(rules) & set(OF_STATE)))


def test_every_rule_of_the_settings_is_checked():
    assert set(OF_ORDERS) | set(OF_STATE) == set(OWN_ACTIONS)
    assert {*OWN_ACTIONS, "restricted", "approval"} == set(OverlaySettings.model_fields)


@pytest.mark.parametrize("name", [each for each in sorted(OWN_ACTIONS) if each != "interval_ratio"])
def test_a_number_keeps_the_rules_own_action_and_a_table_may_name_another(name):
    assert getattr(OverlaySettings(**{name: 2.0}), name).action.name.lower() == OWN_ACTIONS[name]
    named = OverlaySettings(**{name: {"limit": 2.0, "action": "halt"}})
    assert getattr(named, name).action is Action.HALT


def test_rules_are_read_back_as_they_were_written():
    """A champion keeps the desk that it was learned for: one that cannot be read back can never go live."""
    rules = dict.fromkeys(OWN_ACTIONS, 2.0) | {"position": {"limit": 2.0, "action": "halt", "soft": 1.0}}
    settings = OverlaySettings(**rules, restricted=("BTC",), approval={"deadline_seconds": 7.0})
    assert OverlaySettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"position": {"limit": 1.0, "action": "stop"}}, "give clamp, reduce or halt"),
        ({"position": -1.0}, "greater than or equal to 0"),
        ({"position": True}, "valid number"),
        ({"position": {"limit": 1.0, "soft": False}}, "valid number"),
        ({"positon": 1.0}, "positon"),
        ({"interval_ratio": 0.5}, "never below 1"),
        ({"position": {"limit": 1.0, "action": "ask"}}, "give a soft limit"),
        ({"position": {"limit": 1.0, "soft": 1.0}}, "lies not below limit = 1"),
        *(({name: {"limit": 1.0, "soft": 0.5}}, "has no soft limit") for name in AT_ONCE),
    ],
)
def test_settings_that_make_no_sense_are_refused(told, said):
    with pytest.raises((ValueError, SettingsError), match=said):
        OverlaySettings(**told)


def test_the_severest_action_counts_and_a_broken_state_is_seen_without_an_order():
    seen = CALM._replace(loss=20.0)
    found = judged(5.0, seen, position=3.0, loss_a_day=10.0)
    assert found.action is Action.HALT
    assert judged(0.0, seen, loss_a_day=10.0).action is Action.HALT
    assert judged(0.0, CALM, loss_a_day=10.0).action is None


def test_reducing_only_makes_the_position_smaller_and_never_turns_it():
    assert judged(1.0, only_reducing=True).units == 0.0
    assert judged(-5.0, only_reducing=True).units == -2.0


@pytest.mark.parametrize("name", ["position", "working", "delta", "turnover", "loss", "drawdown"])
def test_a_number_that_is_none_halts(name):
    found = judged(-1.0, CALM._replace(**{name: math.nan}))
    assert (found.units, found.action) == (0.0, Action.HALT)
    assert name in found.rulings[0].said


@pytest.mark.parametrize("units", [math.nan, math.inf, -math.inf])
def test_an_order_that_is_no_number_halts(units):
    assert judged(units).action is Action.HALT


size = st.floats(-10.0, 10.0)


@given(
    units=size,
    position=size,
    working=size,
    delta=size,
    limits=st.fixed_dictionaries(
        {}, optional={n: st.floats(0.0, 10.0) for n in OWN_ACTIONS if n != "interval_ratio"}
    ),
)
def test_no_rule_ever_enlarges_or_turns_an_order(units, position, working, delta, limits):
    seen = CALM._replace(position=position, working=working, delta=delta, orders=2, turnover=3.0, loss=1.0)
    left = judged(units, seen, **limits).units
    assert abs(left) <= abs(units)
    assert left * units >= 0.0


@given(units=size, position=size, limit=st.floats(0.0, 5.0))
def test_what_is_left_never_makes_a_broken_limit_worse(units, position, limit):
    seen = CALM._replace(position=position)
    after = position + judged(units, seen, position=limit).units
    assert abs(after) <= max(limit, abs(position)) + 1e-12


ODD = (0.0, -0.0, math.nan, math.inf, -math.inf)


def drawn(rng, name):
    if rng.random() < 0.1:
        return rng.choice(ODD).item()
    if name == "orders":
        return int(rng.integers(0, 6))
    return float(rng.uniform(90.0, 110.0) if name in ("bid", "ask", "reference") else rng.uniform(-6.0, 6.0))


@pytest.mark.parametrize("names", [*((name,) for name in OWN_ACTIONS), tuple(OWN_ACTIONS), ()])
def test_the_compiled_look_finds_clear_what_the_rules_leave_alone_and_nothing_else(names):
    rng, counted = np.random.default_rng(7), Counter()
    for _ in range(600):
        overlay = Overlay(OverlaySettings(**{name: rng.uniform(1.0, 5.0) for name in names}))
        changed = [name for name in CALM._fields[1:] if name != "resting" and rng.random() < 0.2]
        seen = CALM._replace(**{name: drawn(rng, name) for name in changed})
        units = drawn(rng, "units")
        clear = overlay._is_clear(units, seen, False)
        with patch.object(Overlay, "_is_clear", return_value=False):
            found = overlay.judge(units, seen)
        assert clear == (found.units == units and not found.rulings), (names, units, seen)
        counted[clear, *(each.rule for each in found.rulings)] += 1
    assert len(names) > 1 or min(counted[key] for key in ((True,), *((False, name) for name in names))) > 0


POSITION = {"position": {"limit": 9.0, "soft": 3.0}}


@pytest.mark.parametrize(
    ("rules", "seen", "units", "permitted", "sent", "held"),
    [
        (POSITION, {}, 1.0, 0.0, 1.0, 0.0),
        (POSITION, {}, 4.0, 0.0, 0.0, 4.0),
        (POSITION, {}, 8.0, 0.0, 0.0, 7.0),
        (POSITION, {}, 4.0, 2.5, 2.5, 0.0),
        (POSITION, {}, 4.0, 9.0, 4.0, 0.0),
        (POSITION, {}, 8.0, 8.0, 7.0, 0.0),
        (POSITION, {}, 4.0, -4.0, 0.0, 4.0),
        (POSITION, {"position": 8.0}, -4.0, 0.0, -4.0, 0.0),
        (POSITION, {"bid": math.nan}, 4.0, 4.0, 0.0, 0.0),
        ({"order_size": {"limit": 9.0, "soft": 1.0}}, {}, -2.0, 0.0, 0.0, -2.0),
        ({"order_size": {"limit": 9.0, "soft": 1.0}}, {}, -2.0, -1.5, -1.5, 0.0),
        ({"loss_a_day": {"limit": 9.0, "soft": 1.0}}, {"loss": 2.0}, 1.0, 0.0, 0.0, 1.0),
        ({"loss_a_day": {"limit": 9.0, "soft": 1.0}}, {"loss": 2.0}, -1.0, 0.0, -1.0, 0.0),
        ({"loss_a_day": {"limit": 9.0, "soft": 1.0}}, {"loss": 10.0}, 1.0, 1.0, 0.0, 0.0),
    ],
)
def test_an_order_beyond_a_soft_limit_is_held_unless_a_person_permits_it(
    rules, seen, units, permitted, sent, held
):
    found = judged(units, CALM._replace(**seen), permitted=permitted, **rules)
    assert (found.units, found.held) == pytest.approx((sent, held))


def test_what_is_held_says_which_soft_limit_it_is_beyond_and_turns_nothing():
    found = judged(4.0, **POSITION)
    assert found.action is Action.ASK
    assert found.rulings[0].said == "position of 2 and an order of 4: soft limit 3"
    assert OverlaySettings(**POSITION).asks
    assert not OverlaySettings(position=3.0).asks
