"""P&L explain: each term alone, the order of the residual, and what a spot hedge finances."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.backtest.episodes import build_episodes
from pipeline.backtest.explain import StepEnd, revalue
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain.instruments import Liability
from pipeline.simulate.black_scholes import BlackScholes

PARTS = ("from_gamma", "from_theta", "from_vega", "from_vanna", "from_volga", "financing", "residual")


def explained(paths, liability, life, steps):
    """Revalue `steps` steps of paths [N, steps+1] on an option that has `life` such steps to go."""
    interval = 63 / 365 / life
    state, _ = simulated_episodes(
        paths, 0.2, liability, strike=100.0, interval=interval, cost=0.0, risk_aversion=1.0
    )
    left = np.broadcast_to(interval * (life - np.arange(steps + 1.0)), paths.shape)
    state = replace(state, time_to_expiry=left[:, :-1])
    end = StepEnd(left[:, 1:], paths[:, 1:], state.implied_vol)
    return revalue(state, end, np.diff(paths, axis=1))


def rms(values):
    return float(np.sqrt(np.mean(values**2)))


@pytest.mark.parametrize("kind", ["call", "put", "straddle"])
def test_the_residuals_share_halves_when_the_step_halves(kind):
    """Of the option's own P&L it is of the order of the step, of the hedged P&L of the step's square root."""
    shares, hedged = [], []
    for fine in (1, 2, 4):
        life, steps = 63 * fine, 31 * fine
        paths = (
            BlackScholes(volatility=0.2).simulate(paths=4000, steps=steps, dt=63 / 365 / life, seed=5).spot
        )
        found = explained(paths, Liability.of(kind, "short"), life, steps)
        shares.append(rms(found.residual) / rms(found.change))
        hedged.append(rms(found.residual) / rms(found.change - found.delta * np.diff(paths, axis=1)))
    if kind != "straddle":  # hedged by nature: its own P&L at the start is of the order of the step
        np.testing.assert_allclose(np.divide(shares[1:], shares[:-1]), 0.5, atol=0.03)
    np.testing.assert_allclose(np.divide(hedged[1:], hedged[:-1]), np.sqrt(0.5), atol=0.04)


def test_each_term_alone_is_its_greek():
    paths = np.array([[100.0, 100.0]])
    state, _ = simulated_episodes(
        paths, 0.2, Liability.of("call", "short"), strike=103.0, interval=0.1, cost=0.0, risk_aversion=1.0
    )

    def moved(time=0.1, forward=100.0, vol=0.2):
        shape = (1, 1)
        end = StepEnd(np.full(shape, time), np.full(shape, forward), np.full(shape, vol))
        return revalue(state, end, np.full(shape, forward - 100.0))

    still = moved()
    assert all(getattr(still, part)[0, 0] == 0.0 for part in PARTS)
    for found, part in (
        (moved(time=0.1 - 1e-5), "from_theta"),
        (moved(vol=0.2001), "from_vega"),
    ):
        assert getattr(found, part)[0, 0] == pytest.approx(found.change[0, 0], rel=1e-3)
    spot = moved(forward=100.01)
    rest = spot.change - spot.delta * 0.01
    assert spot.from_gamma[0, 0] == pytest.approx(rest[0, 0], rel=1e-2)
    assert spot.from_gamma[0, 0] < 0 < moved(time=0.09).from_theta[0, 0]
    twice = moved(vol=0.205)
    assert twice.from_volga[0, 0] == pytest.approx((twice.change - twice.from_vega)[0, 0], rel=0.05)
    cross = moved(forward=100.1, vol=0.201)
    alone = moved(forward=100.1).change + moved(vol=0.201).change
    assert cross.from_vanna[0, 0] == pytest.approx((cross.change - alone)[0, 0], rel=0.05)


@pytest.mark.parametrize("instrument", ["future", "spot"])
def test_the_parts_of_an_episode_add_up_to_premium_and_payoff(desk, sessions, instrument):
    own = desk.model_copy(update={"hedge": desk.hedge.model_copy(update={"instrument": instrument})})
    episodes = build_episodes(own, sessions)
    move = np.diff(episodes.market.price[..., 0], axis=1)
    found = revalue(episodes.state, episodes.step_end, move)
    np.testing.assert_allclose(found.value[:, 0], -episodes.market.premium)
    np.testing.assert_allclose(
        found.change.sum(axis=1), episodes.market.premium - episodes.market.payoff, atol=1e-12
    )
    total = found.delta * move + sum(getattr(found, part) for part in PARTS)
    np.testing.assert_allclose(total, found.change, atol=1e-12)
    assert rms(found.residual) < 0.3 * rms(found.change)
    assert (rms(found.financing) == 0.0) == (instrument == "future")


def test_marks_use_the_volatility_known_when_they_are_made(desk, sessions):
    episodes = build_episodes(desk, sessions)
    vol = 0.85 * sessions["implied_vol"].to_numpy()
    np.testing.assert_allclose(episodes.step_end.implied_vol[7], vol[8:29])
    np.testing.assert_allclose(episodes.state.implied_vol[7], vol[7:28])
    assert (episodes.step_end.time_to_expiry[:, -1] == 0.0).all()
    blind = replace(
        episodes.step_end, implied_vol=np.where(episodes.step_end.time_to_expiry > 0, 0.2, np.nan)
    )
    move = np.diff(episodes.market.price[..., 0], axis=1)
    assert np.isfinite(revalue(episodes.state, blind, move).change).all()
