"""The P&L of a live desk is explained in parts that add up, the Greeks explain most of the options'."""

import numpy as np
import pytest

from pipeline.backtest.explain import StepEnd, revalue
from pipeline.domain.instruments import Liability
from pipeline.domain.orders import Report, Standing
from pipeline.live.watch.board import Snapshot
from pipeline.live.watch.explained import Explained, taylor
from tests.live.watch.made_day import COUNT, SIZE, decisions


def explained(made, fees=0.0, reports=(), decided=None, heard=lambda number: 0):
    found = Explained(SIZE)
    for number, each in enumerate(made):
        snapshot = Snapshot(number + 1, each, None, fees * number, heard(number))
        found.take(snapshot, decided or {}, list(reports))
    return found


def test_the_parts_of_either_side_add_up_to_it():
    made = decisions()
    found = explained(made, fees=0.001)
    worth = made[-1].worth
    assert sum(found.options.values()) == pytest.approx(worth.options - made[0].worth.options, abs=1e-12)
    assert sum(found.hedge.values()) == pytest.approx(worth.hedge - made[0].worth.hedge, abs=1e-12)
    assert found.hedge["fees"] == pytest.approx(-0.001 * (COUNT - 1))


def test_funding_is_no_move_of_the_price():
    made = decisions()
    plain = explained(made).hedge
    assert "funding" not in plain
    paid = made[:5]
    for each in made[5:]:
        worth = each.worth._replace(hedge=each.worth.hedge - 0.3)
        paid.append(each._replace(carry=-0.3, worth=worth))
    found = explained(paid).hedge
    assert found.pop("funding") == pytest.approx(-0.3)
    assert found == pytest.approx(plain)


def test_greeks_explain_what_options_made_and_little_is_left():
    found = explained(decisions(unknown=()))
    assert found.options["theta"] > 0.0 > found.options["gamma"]  # the desk has sold
    assert abs(found.options["rest"]) < 0.1 * sum(abs(each) for each in found.options.values())


def test_decisions_without_a_mark_are_bridged():
    bridged, whole = explained(decisions()), explained(decisions(unknown=()))
    assert bridged.options["delta"] == pytest.approx(whole.options["delta"], rel=0.3)
    assert abs(bridged.options["rest"]) < 0.1 * sum(abs(each) for each in bridged.options.values())


def test_slippage_is_against_the_mid_of_the_decision():
    made = decisions()
    bought = Report("m1", "a", Standing.FILLED, 0.01, made[2].mid + 0.05, 0.0, made[2].at)
    foreign = Report("m0", "older", Standing.FILLED, 0.01, 50.0, 0.0, 1)
    told = {"a": made[2].at, "older": 1}
    found = explained(made, reports=[foreign, bought], decided=told, heard=lambda number: 1 + (number > 2))
    assert found.hedge["slippage"] == pytest.approx(-0.01 * 0.05)
    found = explained(made, reports=[foreign, bought], decided=told, heard=lambda number: 2)
    assert found.hedge["slippage"] == 0.0  # before the first decision that is shown


@pytest.mark.parametrize("kind", ["call", "put", "straddle"])
@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("end", [None, (0.9, 1.2)])
def test_taylors_formula_is_that_of_the_backtest(kind, side, end):
    state = decisions()[3].state._replace(liability=Liability.of(kind, side))
    left, vol = (0.0, 9.0) if end is None else (end[0] * state.time_to_expiry, end[1] * state.implied_vol)
    forward, market = 1.002 * state.forward, state.market()
    found = taylor(state, forward, None if end is None else (left, vol))
    ends = StepEnd(*(np.array([[each]]) for each in (left, forward, vol)))
    known = revalue(market, ends, np.array([[forward - state.forward]]))
    move = forward - state.forward
    assert found["delta"] == pytest.approx(known.delta[0, 0] * move, rel=1e-12)
    assert found["gamma"] == pytest.approx(known.from_gamma[0, 0], rel=1e-12)
    assert found["theta"] == pytest.approx(known.from_theta[0, 0], rel=1e-12)
    vega = (known.from_vega + known.from_vanna + known.from_volga)[0, 0]
    assert found["vega"] == pytest.approx(vega, rel=1e-9, abs=1e-15)
