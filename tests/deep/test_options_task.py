"""Many options and one network: each against the books, closed before it expires; and those of a desk."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.backtest.ledger import book
from pipeline.deep.band_network import BandNetwork
from pipeline.deep.desk_task import learned_task
from pipeline.deep.options_task import OptionsTask
from pipeline.deep.plan import TrainingPlan
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import SettingsError
from pipeline.domain.instruments import Liability
from pipeline.policies.delta import DeltaImplied
from pipeline.policies.network_band import NetworkBand
from pipeline.pricing import black

CALL, PUT = (Liability.of(right, "short") for right in ("call", "put"))


@pytest.fixture
def options(task):
    return OptionsTask(like=replace(task, steps=5), liabilities=(CALL, PUT), lives=(5, 20), deltas=(0.2, 0.5))


def trained_somehow(options):
    torch.manual_seed(0)
    network = options.learner(TrainingPlan(hidden=(8, 8), steps=1, paths=8, seed=3))
    with torch.no_grad():
        for weight in network.layers[-1].parameters():
            weight.normal_(0.0, 0.3)
    return network


def test_every_combination_is_an_option_with_its_delta(options):
    assert len(options.options) == len(set(options.options)) == 8
    for option in options.options:
        (leg,) = option.liability.legs
        strike, time = option.strike_at(0.3), option.life * option.interval
        delta = float(black.delta(leg.right, 100.0, strike, time, 0.3))
        assert abs(delta) == pytest.approx(option.delta, abs=1e-12)


@pytest.mark.parametrize("number", range(8))
def test_pnl_is_that_of_the_books(options, number):
    option = options.options[number]
    network, spot = trained_somehow(options), option.paths(2000, option.middle, seed=2, first=0)
    state, market = option.state_on(spot, option.middle)
    assert state.time_to_expiry[0, 0] == pytest.approx(option.life * option.interval)
    found = option.pnl(network, spot, option.middle).detach().numpy()
    ledger = book(market, NetworkBand(network.exported()).band(state))
    earned = ledger.pnl - (ledger.premium if option.life == option.steps else 0.0)
    assert np.abs(found - earned).mean() < 0.01
    assert np.ptp(found) > 0.1


def test_an_option_that_is_closed_earns_what_a_loop_says(options):
    option = options.options[2]
    assert (option.life, option.steps) == (20, 5)
    spot = option.paths(3, option.middle, seed=4, first=0)
    state, market = option.state_on(spot, option.middle)
    strike, interval = option.strike_at(0.2), option.interval
    ledger = book(replace(market, cost=0.0 * market.cost), DeltaImplied().band(state))
    for path, found in zip(spot, ledger.pnl, strict=True):
        value = [
            float(black.price("call", price, strike, (20 - t) * interval, 0.2))
            for t, price in enumerate(path)
        ]
        deltas = [float(black.delta("call", path[t], strike, (20 - t) * interval, 0.2)) for t in range(5)]
        assert found == pytest.approx(value[0] - value[-1] + float(np.sum(deltas * np.diff(path))), abs=1e-10)
        assert abs(found) < 0.5


def test_a_step_draws_options_and_the_risk_of_all_is_their_mean(options):
    network = trained_somehow(options)
    drawn = options.conditions(200, np.random.default_rng(1))
    assert {option for ((option, _),) in drawn} == set(options.options)
    given = {"seed": 3, "first": 0}
    each = [option.loss(network, option.middle, paths=64, **given).item() for option in options.options]
    assert options.loss(network, options.middle, paths=8 * 64, **given).item() == pytest.approx(np.mean(each))
    ((option, condition),) = drawn[0]
    alone = option.loss(network, condition, paths=64, **given)
    assert options.loss(network, drawn[0], paths=64, **given) == alone


def test_inputs_of_every_option_are_within_what_scales_them(options):
    network = options.learner(TrainingPlan(steps=1, paths=8, seed=3))
    assert isinstance(network, BandNetwork)
    for option in options.options:
        inputs, *_ = option.prior_on(np.full((1, 6), 100.0), option.middle)
        assert (inputs >= network.low.numpy()).all()
        assert (inputs <= network.high.numpy()).all()


def test_what_a_desk_on_quoted_options_learns():
    chain = learned_task(load_any("spx-chain"), (0.1, 0.4))
    assert [each.legs[0].right for each in chain.liabilities] == ["call", "put"]
    assert (chain.like.cost, chain.like.volatility) == (pytest.approx((0.5e-4, 2e-4)), (0.1, 0.4))
    one = learned_task(load_any("aapl-american"), (0.1, 0.4))
    assert (one.like.steps, one.lives) == (63, (63, 126, 252))
    daily = Desk(name="x", policies={"run": ()})
    assert learned_task(daily, (0.1, 0.4)).life is None


@pytest.mark.parametrize(
    ("change", "fault"), [({"life": 9}, "a life of 9 steps: 10 or more"), ({"delta": 1.0}, "a delta of 1.0")]
)
def test_options_that_cannot_be(task, change, fault):
    with pytest.raises(SettingsError, match=fault):
        replace(task, **change)
    with pytest.raises(SettingsError, match="no option to learn from"):
        OptionsTask(like=task, liabilities=(CALL,), lives=(), deltas=(0.5,))
