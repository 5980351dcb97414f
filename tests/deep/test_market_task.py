"""Networks along whole paths: their P&L against the plain loop, what they start from, what they learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.backtest.ledger import Market, book
from pipeline.deep.frictions import Frictions
from pipeline.deep.hedging import hedge, inside
from pipeline.deep.market_task import NOTHING, MarketTask
from pipeline.deep.network_trainer import NetworkTrainer
from pipeline.deep.plan import TrainingPlan
from pipeline.deep.risk import Entropic
from pipeline.deep.sequence_network import Shape
from pipeline.deep.training import train
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError, SettingsError, StoreError
from pipeline.execution.regime_liquidity import RegimeLiquidity
from pipeline.execution.terms import Terms
from pipeline.policies.checkpoint import Checkpoint
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.heston import Heston
from pipeline.simulate.payoffs import European
from pipeline.simulate.switching import MarkovSwitching
from pipeline.simulate.traded import Spot, VarianceSwap

SHAPES = [
    Shape(),
    Shape(paced=True),
    Shape(recurrent=4),
    Shape(recurrent=4, hears=2),
    Shape("position"),
    Shape("from_held"),
    Shape("from_held", recurrent=4),
]
every = pytest.mark.parametrize("shape", SHAPES, ids=repr)


@pytest.fixture
def short():
    return MarketTask(
        process=Heston(vol_of_vol=0.3),
        owed=European("call", 100.0),
        steps=6,
        interval=1 / 365,
        hedges=(Spot(), VarianceSwap(500.0)),
        cost=(0.002, 0.01),
        sees=("left", "standing", "return", "volatility"),
    )


@pytest.fixture
def small():
    return TrainingPlan(steps=6, paths=512, save_every=3, hidden=(8,), seed=3)


def somehow(task, plan):
    """An untrained network whose last layer is not zero."""
    torch.manual_seed(4)
    network = task.learner(plan)
    with torch.no_grad():
        for weight in network.layers[-1].parameters():
            weight.normal_(0.0, 0.3)
    return network


def decided(network, episodes):
    """The network as a rule of the plain loop."""
    if network.shape.answer == "from_held":
        return network.decide(episodes.seen)
    if network.shape.answer == "position":
        positions = network.positions(episodes.seen)
        return lambda t, held: positions[:, t]
    lower, upper, speed = network.band(episodes.seen, episodes.center, episodes.half_width)
    return lambda t, held: inside(held, lower[:, t], upper[:, t], 1.0 if speed is None else speed[:, t])


@every
def test_pnl_and_its_derivative_are_those_of_the_plain_loop(short, small, shape):
    task = replace(short, shape=shape)
    network, episodes = somehow(task, small), task.episodes(64, seed=1, first=0)
    costs = torch.tensor(task.cost, dtype=torch.float64)
    plain = hedge(decided(network, episodes), episodes.price, costs)[0] - episodes.owed
    both = task.pnl(network, episodes), plain
    torch.testing.assert_close(*both)
    weights = list(network.parameters())
    found = [torch.autograd.grad(pnl.sum(), weights) for pnl in both]
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("shape", [Shape(), Shape(paced=True, recurrent=4)], ids=repr)
def test_frictions_are_those_of_the_ledger(short, small, shape, delay):
    """Impact that lasts, a speed and late orders, the unwind too, against `backtest.ledger.book`."""
    frictions = Frictions(impact=0.03, memory=0.6, delay=delay)
    task = replace(short, shape=shape, hedges=(Spot(),), cost=(0.002,), frictions=frictions)
    network, episodes = somehow(task, small), task.episodes(64, seed=1, first=0)
    lower, upper, speed = (
        None if each is None else each.detach().numpy()
        for each in network.band(episodes.seen, episodes.center, episodes.half_width)
    )
    price, owed, step = episodes.price.numpy(), episodes.owed.numpy(), (len(episodes.owed), task.steps)
    market = Market(
        price=price,
        cost=np.full_like(price, 0.002),
        premium=np.zeros(len(owed)),
        payoff=owed,
        interest=np.zeros(step),
        income=np.zeros((*step, 1)),
        margined=False,
        unwind=True,
        impact=np.full_like(price, 0.03),
        terms=Terms(memory=0.6),
    )
    band = Band(lower, upper, lower, upper, np.ones_like(lower) if speed is None else speed)
    books = book(market, band, delay)
    assert books.impact.mean() > 0.0
    np.testing.assert_allclose(task.pnl(network, episodes).detach().numpy(), books.pnl, rtol=1e-9, atol=1e-9)


def test_spread_and_depth_of_the_regime_are_those_of_the_ledger(short, small):
    """What a trade pays follows the hidden regime, and a hedger may see the spread of its decision."""
    process = MarkovSwitching(moves=((0.7, 0.3), (0.4, 0.6)), step=1 / 365)
    liquidity = RegimeLiquidity(half_spread=(2e-4, 4e-3), depth=(4.0, 0.5), roughness=0.4)
    frictions = Frictions(impact=0.03, memory=0.6, delay=1, liquidity=liquidity)
    task = replace(
        short, process=process, hedges=(Spot(),), cost=(1e-4,), frictions=frictions, sees=("left", "spread")
    )
    network, episodes = somehow(task, small), task.episodes(64, seed=1, first=5)
    paths = process.simulate(paths=64, steps=task.steps, dt=task.interval, seed=1, first=5)
    shown = liquidity.simulate(paths, seed=1, first=5)
    assert (episodes.seen[..., 1].numpy() == shown.half_spread[:, :-1]).all()
    lower, upper, _ = network.band(episodes.seen, episodes.center, episodes.half_width)
    market = Market(
        price=paths.spot[..., None],
        cost=1e-4 + shown.half_spread[..., None],
        premium=np.zeros(64),
        payoff=episodes.owed.numpy(),
        interest=np.zeros((64, task.steps)),
        income=np.zeros((64, task.steps, 1)),
        margined=False,
        unwind=True,
        impact=0.03 * np.sqrt(4.0 / shown.depth)[..., None],
        terms=Terms(memory=0.6),
    )
    low, high = lower.detach().numpy(), upper.detach().numpy()
    books = book(market, Band(low, high, low, high, np.ones_like(low)), 1)
    np.testing.assert_allclose(task.pnl(network, episodes).detach().numpy(), books.pnl, rtol=1e-9, atol=1e-9)
    one = replace(task, frictions=Frictions(liquidity=RegimeLiquidity(half_spread=(1e-4,), depth=(1.0,))))
    with pytest.raises(SettingsError, match="regime 1 has no liquidity"):
        one.episodes(64, seed=1, first=0)


def test_what_is_no_band_is_not_paced_nor_near():
    for answer, change in (("position", {"paced": True}), ("from_held", {"near": True})):
        with pytest.raises(SettingsError, match="only a band is paced, only a band or position near"):
            Shape(answer, **change)


@every
def test_no_answer_looks_ahead(short, small, shape):
    """Changed prices after a time leave all positions until then as they are."""
    task = replace(short, shape=shape)
    network, episodes = somehow(task, small), task.episodes(16, seed=1, first=0)
    changed = episodes._replace(seen=episodes.seen.clone())
    changed.seen[:, 4:] += 1.0
    ours, theirs = (
        hedge(decided(network, each), episodes.price, torch.zeros(()))[1] for each in (episodes, changed)
    )
    torch.testing.assert_close(ours[:, :4], theirs[:, :4], rtol=0.0, atol=0.0)
    assert not torch.equal(ours[:, 4:], theirs[:, 4:])


def test_from_a_prior_it_starts_as_zakamoulines_band(task, small):
    """The same P&L as the band network untrained, in the same market."""
    market = MarketTask(
        process=task.process,
        owed=European("call", 100.0),
        steps=task.steps,
        interval=task.interval,
        cost=task.cost[:1],
        sees=("left", "return"),
        shape=Shape(recurrent=4),
        prior=task,
    )
    ours = market.pnl(market.learner(small), market.episodes(256, seed=2, first=0)).detach()
    spot = task.paths(256, task.middle, seed=2, first=0)
    theirs = task.pnl(task.learner(small), spot, task.middle).detach()
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("answer", ["position", "from_held"])
def test_without_a_prior_it_starts_with_nothing(short, small, answer):
    task = replace(short, shape=Shape(answer), owed=NOTHING)
    assert task.loss(task.learner(small), task.middle, paths=64, seed=1, first=0) == 0.0


def test_what_lies_beyond_training_counts_as_its_edge(short, small):
    task = replace(short, shape=Shape("position"))
    network, seen = somehow(task, small), task.episodes(64, seed=1, first=0).seen
    edge, beyond = seen.clone(), seen.clone()
    edge[..., -1], beyond[..., -1] = network.most[-1], 100.0
    assert torch.equal(network.positions(beyond), network.positions(edge))


def test_a_bound_holds(short, small):
    task = replace(short, shape=Shape("position", most=0.1))
    positions = somehow(task, small).positions(task.episodes(64, seed=1, first=0).seen)
    assert 0.09 < positions.abs().max() <= 0.1


@every
def test_it_learns_repeats_and_resumes(short, small, shape, tmp_path):
    task = replace(short, shape=shape)
    whole = train(NetworkTrainer(task, small), tmp_path / "whole.npz")
    assert whole.history[-1][1] < whole.history[0][1]

    def interrupt(step, risk):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        train(NetworkTrainer(task, small), tmp_path / "cut.npz", interrupt)
    train(NetworkTrainer(task, small), tmp_path / "cut.npz")
    assert (tmp_path / "cut.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    kept = Checkpoint.read(tmp_path / "whole.npz").arrays
    for name, value in whole.learned.state_dict().items():
        np.testing.assert_array_equal(kept[f"network.{name}"], value.numpy())
    with pytest.raises(StoreError, match="another desk"):
        train(NetworkTrainer(replace(task, steps=5), small), tmp_path / "whole.npz")


def test_a_drift_is_held_as_merton_says(small):
    """Without a cost and with nothing owed the best position is (E ΔS)/(λ Var ΔS)."""
    task = MarketTask(
        process=BlackScholes(volatility=0.2, drift=0.5),
        owed=NOTHING,
        steps=1,
        interval=1 / 365,
        cost=(0.0,),
        sees=("left",),
        shape=Shape("position"),
        risk=Entropic(1.0),
    )
    network = train(NetworkTrainer(task, replace(small, steps=60, paths=8192, learning_rate=0.02))).learned
    held = network.positions(task.episodes(1, seed=1, first=0).seen).item()
    assert held == pytest.approx(0.5 * 100 / (0.04 * 100**2), abs=0.02)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"sees": ("levle",)}, "called levle; did you mean level"),
        ({"sees": ()}, "columns to see"),
        ({"cost": (0.01,)}, "2 instruments and costs"),
        ({"power": 0.5}, "power of 1"),
    ],
)
def test_tasks_that_cannot_be(short, change, fault):
    with pytest.raises(SettingsError, match=fault):
        replace(short, **change)


def test_a_prior_that_does_not_fit(short, task):
    with pytest.raises(SettingsError, match="a prior is for bands in the spot"):
        replace(short, prior=task)
    with pytest.raises(SettingsError, match="near its prior needs one"):
        replace(short, shape=Shape(near=True))


def test_prices_that_are_no_numbers(short):
    class Broken(Spot):
        def prices(self, process, paths):
            return np.full_like(paths.spot, np.nan)

    with pytest.raises(DataError, match="prices that are no numbers"):
        replace(short, hedges=(Broken(), Spot())).episodes(4, seed=1, first=0)


def test_shapes_that_cannot_be():
    with pytest.raises(SettingsError, match="0 units or more"):
        Shape(recurrent=-1)
