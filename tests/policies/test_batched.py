"""A large batch answered in blocks has the bits of the whole, whatever the number of cores."""

from dataclasses import fields, replace

import numpy as np
import pytest

from pipeline.backtest.ledger import Hedge, book
from pipeline.backtest.simulated import simulated_episodes
from pipeline.domain import rows
from pipeline.domain.band import Band
from pipeline.domain.errors import PolicyError
from pipeline.domain.instruments import Liability
from pipeline.policies.catalogue import POLICIES
from pipeline.policies.whalley_wilmott import WhalleyWilmott
from pipeline.simulate.black_scholes import BlackScholes

PATHS, STEPS = 9_001, 30
ANSWER_AT_ONCE = [
    name
    for name, kind in sorted(POLICIES.items())
    if name != "regime_map" and not getattr(kind, "reads_position", False)
]


@pytest.fixture(scope="module")
def batch():
    paths = BlackScholes(volatility=0.2).simulate(paths=PATHS, steps=STEPS, dt=1 / 365, seed=2).spot
    straddle = Liability.of("straddle", "short")
    state, market = simulated_episodes(
        paths, 0.2, straddle, strike=100.0, interval=1 / 365, cost=1e-3, risk_aversion=1.0,
        regime_moves=np.eye(1), regime_variance=np.array([0.2**2 / 365]),
    )  # fmt: skip
    return replace(state, rate=0.01), market


@pytest.mark.parametrize("fixed_fee", [0.0, 0.01])
@pytest.mark.parametrize("name", ANSWER_AT_ONCE)
def test_blocks_have_the_bits_of_the_whole(batch, name, fixed_fee, monkeypatch):
    state = replace(batch[0], fixed_fee=fixed_fee, impact=fixed_fee)
    in_blocks = POLICIES[name]().band(state)
    monkeypatch.setattr(rows, "CELLS_WORTH_IT", 1 << 60)
    at_once = POLICIES[name]().band(state)
    for field in fields(Band):
        assert (getattr(in_blocks, field.name) == getattr(at_once, field.name)).all(), field.name
    assert (in_blocks.to_lower is in_blocks.lower) == (at_once.to_lower is at_once.lower)


def test_books_do_not_depend_on_blocks(batch, monkeypatch):
    state, market = batch
    band = WhalleyWilmott().band(state)
    several = book(market, band, 1)
    monkeypatch.setattr(rows, "CELLS_WORTH_IT", 1 << 60)
    at_once = book(market, band, 1)
    for name in ("position", "pnl", "cost", "spread", "turnover", "trades"):
        assert (getattr(several, name) == getattr(at_once, name)).all(), name
    stepped = Hedge(market, 1)
    for step in range(STEPS):
        stepped.advance(band, step, step + 1)
    assert (stepped.closed().pnl == at_once.pnl).all()


def test_a_fault_names_the_episode_of_the_whole_batch(batch):
    vol = np.array(batch[0].implied_vol)
    vol[7_777, 3] = np.nan
    with pytest.raises(PolicyError, match="no implied_vol in episode 7777 at decision time 3"):
        WhalleyWilmott().band(replace(batch[0], implied_vol=vol))
