"""The task's P&L against the books of a backtest, and what cannot be."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.backtest.ledger import book
from pipeline.deep.band_network import BandNetwork, PositionNetwork
from pipeline.deep.frictions import NONE, Frictions
from pipeline.deep.task import Condition, HedgingTask
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError, SettingsError
from pipeline.domain.instruments import Liability
from pipeline.execution.regime_liquidity import RegimeLiquidity
from pipeline.policies.network_band import NetworkBand
from pipeline.policies.zakamouline import Zakamouline
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.heston import Heston

PUSHED = Frictions(impact=0.03, memory=0.6, volatility=0.1)
LATE = Frictions(delay=1)


def trained_somehow(task):
    """A network with answers of some size."""
    torch.manual_seed(0)
    network = (BandNetwork if task.answer == "band" else PositionNetwork)((8, 8), paced=task.paced)
    spot = task.paths(64, task.middle, seed=1, first=0)
    network.fit_scaling(task.prior_on(spot, task.middle)[0].reshape(-1, len(network.inputs)))
    with torch.no_grad():
        for weight in network.layers[-1].parameters():
            weight.normal_(0.0, 0.3)
    return network


@pytest.mark.parametrize("frictions", [NONE, PUSHED, LATE, replace(PUSHED, delay=2)])
@pytest.mark.parametrize(("answer", "unwind"), [("band", True), ("band", False), ("position", True)])
def test_pnl_is_that_of_the_books(task, answer, unwind, frictions):
    """The policy on every path against the network read from its grid: they differ by its spacing."""
    task = replace(task, unwind=unwind, answer=answer, frictions=frictions)
    network, spot = trained_somehow(task), task.paths(2000, task.middle, seed=2, first=0)
    state, market = task.state_on(spot, task.middle)
    expected = book(market, network.policy().band(state), frictions.delay).pnl
    found = task.pnl(network, spot, task.middle).detach().numpy()
    assert np.abs(found - expected).mean() < 0.01
    assert abs(found.mean() - expected.mean()) < 0.002
    assert np.abs(expected - book(market, Zakamouline().band(state), frictions.delay).pnl).mean() > 0.02


@pytest.mark.parametrize("frictions", [PUSHED, LATE, replace(PUSHED, delay=2)])
def test_given_bands_are_charged_what_the_ledger_charges(task, frictions):
    task = replace(task, frictions=frictions, volatility=(0.1, 0.4))
    condition, draw = Condition(0.002, 1.0, 0.3), np.random.default_rng(0)
    spot = task.paths(200, condition, seed=2, first=0)
    edges = np.sort(draw.uniform(0.0, 1.0, (200, task.steps, 2)), axis=-1)
    speed = draw.uniform(0.2, 1.0, (200, task.steps))
    market = task.state_on(spot, condition)[1]
    around = np.mean(edges, axis=-1), 0.5 * (edges[..., 1] - edges[..., 0])
    band = Band.around(*around).slowed(speed)
    told = torch.from_numpy(np.concatenate([edges, speed[..., None]], axis=-1))
    found = task.earned(told, spot, condition).numpy()
    np.testing.assert_allclose(found, book(market, band, frictions.delay).pnl, rtol=0, atol=1e-10)
    plain = replace(task, frictions=NONE).state_on(spot, condition)[1]
    assert np.abs(found - book(plain, band).pnl).mean() > 0.05


def test_without_frictions_the_compiled_loop_is_asked_and_with_them_a_gradient_flows(task, monkeypatch):
    pushed, plain = replace(task, frictions=replace(PUSHED, delay=1)), trained_somehow(task)
    paced = trained_somehow(pushed)
    spot = task.paths(64, task.middle, seed=2, first=0)
    pushed.pnl(paced, spot, task.middle).sum().backward()
    slopes = paced.layers[-1].weight.grad
    assert slopes.shape[0] == 3
    assert (slopes.abs().amax(dim=1) > 0.0).all()
    monkeypatch.setattr(HedgingTask, "_stepped", None)
    assert task.pnl(plain, spot, task.middle).isfinite().all()


def test_spread_and_depth_by_regime_are_not_learned_from_prices(task, plan):
    liquid = replace(task, frictions=Frictions(liquidity=RegimeLiquidity(half_spread=(1e-4,), depth=(1.0,))))
    with pytest.raises(SettingsError, match="prices tell no regime"):
        liquid.learner(plan)


@pytest.mark.parametrize("answer", ["band", "position"])
def test_what_is_exported_answers_as_the_network_does(task, answer):
    task = replace(task, answer=answer)
    network = trained_somehow(task)
    other = Condition(0.01, 2.0, 0.3)
    inputs, *_ = task.prior_on(task.paths(50, other, seed=3, first=0), other)
    with torch.no_grad():
        expected = network(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(network.exported()(inputs), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["call", "straddle"])
def test_a_position_is_that_of_its_policy(task, kind):
    task = replace(task, answer="position", liability=Liability.of(kind, "short"))
    network, spot = trained_somehow(task), task.paths(50, task.middle, seed=3, first=0)
    with torch.no_grad():
        lower, upper = network.edges(*map(torch.from_numpy, task.prior_on(spot, task.middle)))
    assert lower is upper
    expected = network.policy().band(task.state_on(spot, task.middle)[0]).lower[..., 0]
    np.testing.assert_allclose(lower.numpy(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("frictions", [NONE, PUSHED])
def test_an_untrained_network_is_zakamouline(task, frictions):
    task = replace(task, frictions=frictions)
    state, _ = task.state_on(task.paths(20, task.middle, seed=3, first=0), task.middle)
    ours, theirs = (
        NetworkBand(BandNetwork(paced=task.paced).exported()).band(state),
        Zakamouline().band(state),
    )
    np.testing.assert_allclose(ours.speed, theirs.speed, rtol=1e-12)
    assert (theirs.speed.min() < 1.0) == task.paced
    np.testing.assert_allclose(ours.lower, theirs.lower, rtol=1e-12)
    np.testing.assert_allclose(ours.upper, theirs.upper, rtol=1e-12)


def test_conditions_cover_all_ranges(task):
    wide = replace(task, cost=(1e-4, 1e-2), aversion=(0.03, 0.3), volatility=(0.1, 0.5))
    drawn = np.log(wide.conditions(10, np.random.default_rng(1)))
    ranges = np.log([wide.cost, wide.aversion, wide.volatility])
    for column, (low, high) in zip(drawn.T, ranges, strict=True):
        place = np.floor(10.0 * (column - low) / (high - low))
        assert sorted(place) == list(range(10))
    for most_risk in (task.most_risk, 1.5):
        hopeless = replace(task, aversion=(1.0, 1000.0), most_risk=most_risk)
        greatest = max(each.aversion for each in hopeless.conditions(10, np.random.default_rng(1)))
        assert greatest == pytest.approx(most_risk / (100 * 0.2 * 365**-0.5))
    assert task.most_risk == 3.0
    np.testing.assert_allclose(task.conditions(3, np.random.default_rng(1)), [task.middle] * 3)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"cost": (0.0, 0.01)}, "cost from 0.0 to 0.01"),
        ({"aversion": (2.0, 1.0)}, "aversion from 2.0 to 1.0"),
        ({"steps": 0}, "0 steps"),
        ({"interval": 0.0}, "a step of 0.0 years"),
        ({"volatility": (0.0, 0.2)}, "volatility from 0.0 to 0.2"),
        ({"volatility": (0.1, 0.2), "process": Heston(vol_of_vol=0.1)}, "heston has its own, give one"),
        ({"power": 0.5}, "power 0.5"),
    ],
)
def test_tasks_that_cannot_be(task, change, fault):
    with pytest.raises(SettingsError, match=fault):
        replace(task, **change)


def test_prices_that_are_no_numbers(task):
    class Broken(BlackScholes):
        def fill(self, noise, out):
            super().fill(noise, out)
            out.spot[0, 3] = np.nan

    with pytest.raises(DataError, match="prices that are no numbers"):
        replace(task, process=Broken()).paths(10, task.middle, seed=1, first=0)
