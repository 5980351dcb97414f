"""Markets with frictions: environment, ledger, differentiable loop and a plain loop charge the same money."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from pipeline.agents.environment import ON_THE_WAY, OWN
from pipeline.agents.markets import FRICTIONS, SimulatedMarkets, episodes_of
from pipeline.agents.plan import PpoPlan, SacPlan
from pipeline.agents.reward import Reward
from pipeline.agents.single import HedgingMarket
from pipeline.agents.trainer import AgentTrainer
from pipeline.backtest.ledger import book
from pipeline.backtest.stepping import options_value
from pipeline.deep.frictions import NONE, Frictions
from pipeline.deep.hedging import hedge, inside
from pipeline.domain.band import Band
from pipeline.execution.regime_liquidity import RegimeLiquidity
from pipeline.policies.agent_band import PpoBand
from pipeline.policies.correction import corrected, quickened
from pipeline.policies.network import Layer, Network
from pipeline.policies.network_band import INPUTS, NetworkBand
from pipeline.simulate.switching import MarkovSwitching

MARKET = MarkovSwitching(moves=((0.7, 0.3), (0.4, 0.6)))
LIQUIDITY = RegimeLiquidity(half_spread=(2e-4, 4e-3), depth=(0.4, 0.1), roughness=0.4)
ALL = Frictions(impact=0.01, memory=0.6, delay=1, liquidity=LIQUIDITY, partial=True)
EACH = [
    Frictions(impact=0.01),
    Frictions(impact=0.01, memory=0.6, delay=2),
    Frictions(liquidity=LIQUIDITY),
    Frictions(liquidity=LIQUIDITY, partial=True, delay=1),
    ALL,
]
every = pytest.mark.parametrize("frictions", EACH, ids=["pushed", "late", "spread", "in part", "all"])
PLACE = {name: place for place, name in enumerate((*INPUTS, *FRICTIONS, *OWN, *ON_THE_WAY))}


@pytest.fixture
def steep(task):
    return replace(task, process=MARKET, frictions=ALL)


def dealt(task):
    """State, market and paths of the first deal after `reset(seed=3)`, and what trades meet there."""
    paths = task.process.simulate(paths=6, steps=task.steps, dt=task.interval, seed=3, first=0)
    state, market = episodes_of(task, task.middle, 6, seed=3, first=0)
    return state, market, paths, task.frictions.along(paths, seed=3, first=0)


def lived(markets, actions):
    """What was observed before each action [T, N, F], and the P&L [N]."""
    seen = [markets.reset(seed=3)[0]]
    for action in actions:
        after, *_, info = markets.step(action)
        seen.append(after)
    return np.array(seen[:-1]), info["pnl"]


def band_of(task, actions):
    """The band that paced actions [T, N, 3] mean, and what is paid on top of the option's mark, [N]."""
    state, *_ = dealt(task)
    deal = SimulatedMarkets(task, 6).deal(0, seed=3)
    shift, stretch, quicken = actions.transpose(2, 1, 0)
    center, half = corrected(deal.center, deal.half_width, shift, stretch)
    band = Band.around(center, half).slowed(quickened(deal.speed, quicken))
    return band.clipped(np.zeros(deal.shape), np.ones(deal.shape)), -options_value(state)[:, 0]


def by_hand(band, paths, met, frictions, cost):
    """One market at a time, one step at a time; hedge P&L [N], pressure and what is expected [N, T]."""
    rows, steps = paths.spot.shape[0], paths.spot.shape[1] - 1
    pnl, pushes, expected = np.zeros(rows), np.zeros((rows, steps)), np.zeros((rows, steps))

    def towards(n, t, held):
        aim = min(max(held, band.lower[n, t, 0]), band.upper[n, t, 0])
        return held + band.speed[n, t, 0] * (aim - held)

    def charge(n, t, trade, pressure):
        area = 0.0
        after, start = pressure + trade, pressure if pressure * trade > 0 else 0.0
        if after * trade > 0:
            area = 2 / 3 * (abs(after) ** 1.5 - abs(start) ** 1.5)
        paid = (cost + met.spread[n, t]) * abs(trade)
        return paths.spot[n, t] * (paid + frictions.impact * met.thinner[n, t] * area)

    for n in range(rows):
        held = pressure = 0.0
        for t in range(steps):
            pushes[n, t], expected[n, t] = pressure, held
            for k in range(frictions.delay if t else 0):
                if t + k < steps:
                    expected[n, t] = towards(n, max(t + k - frictions.delay, 0), expected[n, t])
            trade = towards(n, max(t - frictions.delay, 0), held) - held
            trade = min(max(trade, -met.depth[n, t]), met.depth[n, t])
            pnl[n] -= charge(n, t, trade, pressure)
            held += trade
            pressure = (pressure + trade) * frictions.memory
            pnl[n] += held * (paths.spot[n, t + 1] - paths.spot[n, t])
        pnl[n] -= charge(n, steps, -held, pressure)
    return pnl, pushes, expected


@every
def test_the_same_path_costs_the_same_money_everywhere(steep, markets_of, frictions):
    task = replace(steep, frictions=frictions)
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 6, 3))
    _, pnl = lived(markets_of("paced", process=MARKET, frictions=frictions), actions)
    band, mark = band_of(task, actions)
    _, market, paths, met = dealt(task)
    ledger = book(market, band, frictions.delay)
    np.testing.assert_allclose(pnl, ledger.pnl + mark, rtol=0, atol=1e-11)
    without = book(dealt(replace(task, frictions=NONE))[1], band)
    assert np.abs(ledger.pnl - without.pnl).min() > 1e-4

    lower, upper, speed, price = (
        torch.from_numpy(np.array(each)) for each in (band.lower, band.upper, band.speed, market.price)
    )
    cost = task.middle.cost
    spread, thinner, depth = (torch.from_numpy(np.array(each))[..., None] for each in met)
    gained, _ = hedge(
        lambda t, held: inside(held, lower[:, t], upper[:, t], speed[:, t]),
        price, cost + spread, frictions=frictions, thinner=thinner, depth=depth,
    )  # fmt: skip
    np.testing.assert_allclose(pnl, gained.numpy() - market.payoff + mark, rtol=0, atol=1e-11)
    plain, *_ = by_hand(band, paths, met, frictions, cost)
    np.testing.assert_allclose(pnl, plain - market.payoff + mark, rtol=0, atol=1e-11)


@every
def test_seen_is_what_a_trader_sees(steep, markets_of, frictions):
    task = replace(steep, frictions=frictions)
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 6, 3))
    markets = markets_of("paced", process=MARKET, frictions=frictions)
    seen, _ = lived(markets, actions)
    _, _, paths, met = dealt(task)
    usual = task.middle.cost + (0.0 if frictions.liquidity is None else LIQUIDITY.half_spread[0])
    dearer = np.log((task.middle.cost + met.spread[:, :-1]) / usual)
    np.testing.assert_allclose(seen[..., PLACE["cost_over_known"]].T, dearer, atol=1e-6)
    np.testing.assert_allclose(
        seen[..., PLACE["log_impact"]].T,
        np.log(np.maximum(frictions.impact * met.thinner[:, :-1], 1e-9)),
        rtol=1e-6,
    )
    smooth = frictions == Frictions(liquidity=LIQUIDITY)
    assert markets.observed == tuple(PLACE)[: -len(ON_THE_WAY) if smooth else None]
    if not smooth:
        band, _ = band_of(task, actions)
        _, pressure, expected = by_hand(band, paths, met, frictions, task.middle.cost)
        np.testing.assert_allclose(seen[..., PLACE["pressure"]].T, pressure, atol=1e-6)
        np.testing.assert_allclose(seen[..., PLACE["expected"]].T, expected, atol=1e-6)


def test_nothing_to_come_is_seen(steep):
    """What is shown is the step's own, neither the next one's nor the last one's."""
    deal = SimulatedMarkets(steep, 6).deal(0, seed=3)
    *_, met = dealt(steep)
    column = deal.seen[..., PLACE["cost_over_known"]]
    for other in (met.spread[:, 1:], np.roll(met.spread, 1, axis=1)[:, :-1]):
        assert np.abs(np.corrcoef(column.ravel(), np.log(other).ravel())[0, 1]) < 0.99
    assert np.corrcoef(column.ravel(), np.log(0.005 + met.spread[:, :-1]).ravel())[0, 1] > 0.999999


def test_no_correction_is_the_uncorrected_band_under_frictions(steep, markets_of):
    state, market, *_ = dealt(steep)
    markets = markets_of("paced", process=MARKET, frictions=ALL)
    markets.reset(seed=3)
    for _ in range(5):
        _, reward, *_, info = markets.step(np.zeros((6, 3)))
        assert (reward == 0.0).all()
    band = NetworkBand().band(state)
    assert band.speed.max() < 1.0
    ours = book(market, band, ALL.delay).pnl - options_value(state)[:, 0]
    np.testing.assert_allclose(info["pnl"], ours, rtol=0, atol=1e-12)
    nothing = Layer(((0.0,) * 9,) * 3, (0.0,) * 3)
    ends = [(value,) * 9 for value in (0.0, 1.0, -9.0, 9.0)]
    untrained = PpoBand(Network((nothing,), *ends), FRICTIONS).band(state)
    for name in ("lower", "upper", "speed"):
        np.testing.assert_allclose(getattr(untrained, name), getattr(band, name), atol=1e-12)


def test_impact_follows_the_volatility_of_the_condition(task, markets_of):
    frictions = Frictions(impact=0.01, volatility=0.2)
    markets = markets_of("paced", groups=3, frictions=frictions, volatility=(0.1, 0.3))
    seen, _ = markets.reset(seed=1)
    vol = np.exp(seen[:, PLACE["log_deviation"]]) / np.sqrt(task.steps * task.interval)
    assert len(np.unique(vol)) == 3
    np.testing.assert_allclose(np.exp(seen[:, PLACE["log_impact"]]), 0.01 * vol / 0.2, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*observation space m.*imum value is .*infinity")
def test_gymnasium_s_checker_under_frictions(markets_of):
    check_env(
        HedgingMarket(markets_of("paced", markets=1, process=MARKET, frictions=ALL)), skip_render_check=True
    )


@pytest.mark.parametrize(
    "plan", [PpoPlan(steps=2), SacPlan(steps=4, waits=0, memory=4096)], ids=["ppo", "sac"]
)
def test_what_was_learned_hedges_as_it_did_in_training(steep, plan, monkeypatch):
    """The actor in the environment earns what its policy does in the ledger, and it has left its start."""
    monkeypatch.setattr("pipeline.agents.trainer.VALIDATION_PATHS", 512)
    trainer = AgentTrainer(steep, replace(plan, markets=64, batch=256, seed=3, hidden=(8,)))
    for _ in range(plan.steps):
        trainer.take_step()
    trainer.validated()
    policy = trainer.learned()
    assert policy.paced
    state, market = episodes_of(steep, steep.middle, 64, seed=3, first=0)
    markets = trainer.environment(Reward())
    seen, _ = markets.reset(seed=3)
    network = trainer.network(trainer.average)
    for _ in range(steep.steps):
        action = np.tanh(network(seen[:, :9].astype(np.float64)))
        assert np.abs(action).max() > 1e-6
        seen, *_, info = markets.step(action)
    booked = book(market, policy.band(state), ALL.delay).pnl - options_value(state)[:, 0]
    np.testing.assert_allclose(info["pnl"], booked, atol=1e-5)  # observed in single precision
