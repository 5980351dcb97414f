"""The optimal bands as policies: the programme's own numbers, its risk on fresh paths, and what they need."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.backtest.ledger import book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import Leg, Liability
from pipeline.ingest.pieces import InMemory
from pipeline.optimum.bands import bands_of, keeping
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.programme import Grid, Programme
from pipeline.optimum.solution import solve
from pipeline.policies.optimal_band import OptimalBand
from pipeline.policies.optimal_book import ladder
from pipeline.policies.regime_optimal_band import RegimeOptimalBand
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from pipeline.regimes.forward import filter_returns
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.switching import MarkovSwitching

CALL = Liability.of("call", "short")
VOLATILITY, MOVES, PATHS = np.array([0.12, 0.35]), np.array([[0.98, 0.02], [0.05, 0.95]]), 40_000


def entropic(pnl):
    """Entropic risk at an aversion of 1, and its standard error."""
    loss = np.exp(-pnl)
    return float(np.log(loss.mean())), float(loss.std() / loss.mean() / np.sqrt(len(loss)))


@pytest.mark.parametrize("cost", [1e-3, 1e-2])
def test_the_certainty_equivalent_is_that_of_its_own_policy_on_fresh_paths(cost):
    paths = BlackScholes(volatility=0.2).simulate(paths=PATHS, steps=30, dt=1 / 365, seed=11).spot
    state, market = simulated_episodes(
        paths, 0.2, CALL, strike=100.0, interval=1 / 365, cost=cost, risk_aversion=1.0
    )
    found, error = entropic(book(market, OptimalBand().band(state)).pnl)
    programme = Programme(Dynamics.black_scholes(0.2, cost=cost, interval=1 / 365), 100.0, 30)
    exact = 100.0 * solve(programme).risk(1.0, np.ones(1))
    assert abs(found - exact) < 2.0 * error
    rival, _ = entropic(book(market, WhalleyWilmott().band(state)).pnl)
    assert found < rival


def test_the_belief_states_certainty_equivalent_is_that_of_its_own_policy_on_fresh_paths():
    """What the hedger believes comes from the product's forward filter; it sees prices only."""
    dt, steps, cost = 1 / 252, 20, 5e-3
    market = MarkovSwitching(volatility=tuple(VOLATILITY), moves=tuple(map(tuple, MOVES)))
    paths = market.simulate(paths=PATHS, steps=steps, dt=dt, seed=13).spot
    predicted = filter_returns(np.diff(np.log(paths), axis=1), VOLATILITY, MOVES, dt)[:, :-1]
    filtered = np.clip(predicted @ np.linalg.inv(MOVES), 0.0, 1.0)
    state, market = simulated_episodes(
        paths, 0.2, CALL, strike=100.0, interval=dt, cost=cost, risk_aversion=1.0,
        regime_prob=filtered, regime_moves=MOVES, regime_variance=VOLATILITY**2 * dt,
    )  # fmt: skip
    found, error = entropic(book(market, RegimeOptimalBand().band(state)).pnl)
    dynamics = Dynamics.switching(VOLATILITY, MOVES, cost=cost, interval=dt)
    exact = solve(Programme(dynamics, 100.0, steps, "prices", grid=Grid(points=1.25)))
    assert abs(found - 100.0 * exact.risk(1.0, np.array([5 / 7, 2 / 7]))) < 2.0 * error


def test_between_the_rungs_the_band_is_near_the_programmes_own(make_state):
    """At volatilities and aversions half-way between two rungs, where the ladder is worst."""
    for vol, aversion in ((0.2 * np.sqrt(1.2), 1.0), (0.2, np.sqrt(1.5))):
        x = np.linspace(-0.08, 0.08, 9)
        paths = 100.0 * np.exp(np.repeat(x[:, None], 21, axis=1))
        state, _ = simulated_episodes(
            paths, vol, CALL, strike=100.0, interval=1 / 252, cost=1e-3, risk_aversion=aversion
        )
        band = OptimalBand().band(state)
        market = Dynamics.black_scholes(vol, cost=1e-3, interval=1 / 252)
        own = bands_of(Programme(market, 100.0 * aversion, 32))
        for time in (0, 10, 19):
            lower, upper = own.edges(x, np.full(9, 20 - time))
            np.testing.assert_allclose(band.lower[:, time, 0], lower, atol=0.008)
            np.testing.assert_allclose(band.upper[:, time, 0], upper, atol=0.008)


def test_strikes_scale():
    """A spot, a strike and a cost of money that are all twice as great have the same band."""
    paths = BlackScholes(volatility=0.2).simulate(paths=50, steps=10, dt=1 / 252, seed=3).spot
    terms = {"interval": 1 / 252, "cost": 1e-3}
    one, _ = simulated_episodes(paths, 0.2, CALL, strike=100.0, risk_aversion=1.0, **terms)
    two, _ = simulated_episodes(2.0 * paths, 0.2, CALL, strike=200.0, risk_aversion=0.5, **terms)
    np.testing.assert_allclose(OptimalBand().band(two).lower, OptimalBand().band(one).lower, atol=1e-12)


def test_what_is_sold_and_bought_alike_needs_no_hedge(make_state):
    state, _ = make_state()
    lots = np.array([-1.0, 1.0])[:, None, None] * np.ones((2, *state.shape))
    options = {
        name: np.broadcast_to(getattr(state, name), (2, *state.shape))
        for name in ("time_to_expiry", "strike", "forward", "forward_slope", "implied_vol")
    }
    net = replace(
        state, liability=Liability((Leg("call", lots),)), lots=np.abs(lots),
        risk_aversion=np.full(state.shape, 0.5), **options,
    )  # fmt: skip
    band = OptimalBand().band(net)
    assert np.abs(band.lower).max() < 0.15
    assert np.abs(band.upper - band.lower).max() < 0.3


def test_a_market_without_a_model_of_its_regimes_is_refused(make_state):
    state = replace(make_state()[0], regime_moves=None)
    with pytest.raises(PolicyError, match="has no regime_moves"):
        RegimeOptimalBand().band(state)


def test_bands_are_solved_once_and_kept_where_a_stage_keeps_its_pieces():
    market = Dynamics.black_scholes(0.23456, cost=1e-3, interval=1 / 252)
    programme, made = Programme(market, 77.0, 3), InMemory()
    with keeping(made):
        first = bands_of(programme)
    assert made.open("optimal_bands-0").read_bytes("bands.npz")
    assert bands_of(programme) is first


def test_more_steps_than_were_solved_are_refused():
    bands = bands_of(Programme(Dynamics.black_scholes(0.2, cost=1e-3, interval=1 / 252), 100.0, 3))
    with pytest.raises(PolicyError, match="solved for 1 to 3"):
        bands.edges(np.zeros(1), np.array([4]))


def test_a_ladder_has_one_rung_where_a_value_stands_on_it():
    rungs = list(ladder(np.array([1.5, 1.5]), 1.5, np.ones(2, dtype=bool)))
    assert [rung for rung, _ in rungs] == [1.5]
    np.testing.assert_array_equal(rungs[0][1], 1.0)
