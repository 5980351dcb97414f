from dataclasses import replace

import numpy as np
import pytest

from pipeline.backtest.ledger import book, book_by_fill
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.errors import SettingsError
from pipeline.domain.execution_settings import ExecutionSettings
from pipeline.domain.instruments import Liability
from pipeline.execution.regime_liquidity import RegimeLiquidity, books_of, costs_of
from pipeline.execution.terms import Terms
from pipeline.policies.delta import DeltaImplied
from pipeline.simulate.switching import MarkovSwitching

MODEL = RegimeLiquidity(half_spread=(2e-4, 40e-4), depth=(2.0, 0.3), persistence=0.8, roughness=0.5)
PATHS = MarkovSwitching().simulate(paths=3000, steps=20, dt=1 / 252, seed=7)


def test_each_regime_has_its_level_spread_and_persistence():
    found = MODEL.simulate(PATHS, seed=7)
    wide = np.log(found.half_spread) - np.log(np.array(MODEL.half_spread))[PATHS.regime]
    thin = np.log(found.depth) - np.log(np.array(MODEL.depth))[PATHS.regime]
    np.testing.assert_allclose(wide, -thin, atol=1e-12)
    for t in (0, 20):
        assert abs(wide[:, t].mean()) < 3 * 0.5 / np.sqrt(3000)
        assert wide[:, t].std() == pytest.approx(0.5, rel=3 / np.sqrt(2 * 3000))
    assert np.corrcoef(wide[:, 5], wide[:, 6])[0, 1] == pytest.approx(0.8, abs=0.03)


def test_liquidity_does_not_read_the_shocks_of_the_price():
    wide = np.diff(np.log(MODEL.simulate(replace(PATHS, regime=0 * PATHS.regime), seed=7).half_spread))
    assert abs(np.corrcoef(wide.ravel(), np.diff(np.log(PATHS.spot)).ravel())[0, 1]) < 4 / np.sqrt(wide.size)


def test_batches_do_not_move_a_bit():
    whole, part = (
        MODEL.simulate(PATHS, seed=7),
        MODEL.simulate(PATHS.episodes(slice(900, 1300)), 7, first=900),
    )
    np.testing.assert_array_equal(whole.depth[900:1300], part.depth)


def hedged(delay=0, through_books=False, impact=0.0, memory=0.0, books=book):
    vol = np.sqrt(PATHS.variance[:, :-1])
    call = Liability.of("call", "short")
    state, market = simulated_episodes(
        PATHS.spot, vol, call, strike=100.0, interval=1 / 252, cost=0.0, risk_aversion=1.0
    )
    liquidity = MODEL.simulate(PATHS, seed=7)
    cost, push = costs_of(liquidity, PATHS, ExecutionSettings(impact=impact, notional_share=0.01))
    market = replace(market, cost=cost, impact=push, terms=Terms(memory=memory))
    if through_books:
        market = replace(market, book=books_of(liquidity, PATHS))
    return books(market, DeltaImplied().band(state), delay)


def test_every_friction_costs_what_it_should():
    plain, late, pushed, lasting = (
        hedged(),
        hedged(delay=1),
        hedged(impact=1.0),
        hedged(impact=1.0, memory=0.5),
    )
    assert late.pnl.std() > plain.pnl.std()
    np.testing.assert_array_equal(late.position[:, 1], plain.position[:, 0])
    assert (pushed.cost > plain.cost).all()
    assert (lasting.cost != pushed.cost).all()


def test_pressure_that_lasts_costs_who_goes_on_and_spares_who_turns_back():
    """Who trades back into their own pressure pays nothing for it: delta turns back often and pays less."""
    pushed, lasting = (hedged(impact=1.0, memory=left, books=book_by_fill) for left in (0.0, 0.5))
    np.testing.assert_array_equal(lasting.position, pushed.position)
    trades = np.diff(pushed.position[:, :, 0], axis=1, prepend=0.0, append=0.0)
    left, share = np.zeros(len(trades)), []
    for t, trade in enumerate(trades.T):
        on, back = left * trade > 0.0, left * trade < 0.0
        more = lasting.fills.impact[:, t] - pushed.fills.impact[:, t]
        assert (more[on] >= 0.0).all()
        assert (more[back] <= 0.0).all()
        np.testing.assert_allclose(more[~on & ~back], 0.0, atol=1e-15)
        share.append(more.sum())
        left = 0.5 * (left + trade)
    assert sum(share) == pytest.approx(lasting.cost.sum() - pushed.cost.sum())
    assert sum(share) < 0.0


def test_a_thin_book_fills_in_part():
    whole, part = hedged(), hedged(through_books=True)
    first = np.minimum(whole.position[:, 0, 0], MODEL.simulate(PATHS, seed=7).depth[:, 0])
    np.testing.assert_allclose(part.position[:, 0, 0], first, rtol=1e-12)
    assert (first < whole.position[:, 0, 0]).any()


@pytest.mark.parametrize(
    "fault",
    [{"depth": (1.0,)}, {"half_spread": (-0.1, 0.1)}, {"persistence": 1.0}, {"depth": (1.0, 0.0)}],
)
def test_what_cannot_be_is_refused(fault):
    with pytest.raises(SettingsError):
        replace(MODEL, **fault)


def test_a_regime_without_a_level_is_refused():
    with pytest.raises(SettingsError, match="give one level a regime"):
        RegimeLiquidity(half_spread=(1e-4,), depth=(1.0,)).simulate(PATHS, seed=7)
