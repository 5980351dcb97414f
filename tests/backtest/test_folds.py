"""What a policy is tuned by: the risk that it removes, whatever the drift of the years it learns from."""

import numpy as np
import pytest

from pipeline.backtest.episodes import Episodes
from pipeline.backtest.folds import carried, mean_return, offset, scorer, training_of
from pipeline.backtest.ledger import book
from pipeline.domain.risk_measures import entropic
from pipeline.policies.constant_shift import ConstantShift
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.regime_switched import RegimeSwitched
from pipeline.policies.whalley_wilmott import WhalleyWilmott

PATHS, SLOPE = 2000, -4.0
ROWS = np.arange(PATHS)


@pytest.fixture
def episodes_of(local_volatility):
    """Return a function that gives episodes of a spot that drifts, the same noise whatever its drift."""

    def build(drift):
        state, market = local_volatility(SLOPE, SLOPE, drift=drift, paths=PATHS, cost=1e-4)
        return Episodes(state, market, None, ROWS, ROWS + state.shape[1])

    return build


@pytest.mark.parametrize("drift", [-0.3, 0.0, 0.3])
def test_a_drift_does_not_move_what_is_tuned(desk, episodes_of, drift):
    """The true shift is known: marks move by -SLOPE/2 · .2 a unit of log spot, times √τ₀ for the profile.

    With the drift left in the options, -30 % a year chose the largest shift of the grid and +30 % none.
    """
    training = training_of(desk, episodes_of(drift), ROWS)
    true = -SLOPE / 2 * 0.2 * np.sqrt(21 / 252)
    assert ConstantShift().fit(training).shift == pytest.approx(true, abs=0.04)
    found = RegimeSwitched().fit(training).parameters()
    still = RegimeSwitched().fit(training_of(desk, episodes_of(0.0), ROWS)).parameters()
    assert found.pop("slope_share") == pytest.approx(still.pop("slope_share"), abs=0.03)
    regressed = {name for name in found if name.startswith("call")}
    assert {n: found[n] for n in found if n not in regressed} == {
        n: still[n] for n in still if n not in regressed
    }


def test_a_perfect_offset_is_scored_as_it_is_and_a_lean_is_not_paid_for(desk, episodes_of):
    """Delta at the marks has no net exposure, so nothing is taken out; half a unit more loses its drift."""
    episodes = episodes_of(0.3)
    market, state = episodes.market, episodes.state
    score = scorer(desk, episodes, ROWS)
    pnl = book(market, DeltaImplied().band(state)).pnl
    assert score(DeltaImplied()).value == pytest.approx(float(entropic(pnl, desk.risk.aversion)), rel=1e-12)
    ledger = book(market, WhalleyWilmott().band(state))
    net = carried(ledger, market) - offset(state)
    neutral = ledger.pnl - mean_return(market, ROWS) * net
    expected = float(entropic(neutral, desk.risk.aversion))
    assert score(WhalleyWilmott()).value == pytest.approx(expected, rel=1e-12)
    assert np.abs(net).max() > 1.0
