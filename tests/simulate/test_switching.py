import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import SettingsError
from pipeline.regimes.hmm import HiddenMarkovDetector
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.markov_chain import stationary_distribution
from pipeline.simulate.noise import draws
from pipeline.simulate.switching import MarkovSwitching

MOVES = ((0.98, 0.015, 0.005), (0.04, 0.95, 0.01), (0.0, 0.1, 0.9))
JUMPS = ((0.0, -0.02, -0.05), (0.01, 0.0, -0.03), (0.02, 0.01, 0.0))
MARKET = MarkovSwitching(volatility=(0.1, 0.2, 0.5), moves=MOVES, jumps=JUMPS, drift=0.03)


def test_the_kernel_is_its_plain_twin():
    noise = draws(7, first=0, steps=60)[:, 0]
    moves, jumps = np.array(MOVES), np.array(JUMPS)
    begin = np.cumsum(stationary_distribution(moves))[:-1]
    z = np.searchsorted(begin, noise[0, 3], side="right")
    logs, spots, regimes = np.zeros(256), [np.full(256, 100.0)], [z]
    for normal, _, uniform, _ in noise:
        k = (uniform[:, None] >= np.cumsum(moves, axis=1)[z, :-1]).sum(axis=1)
        deviation = np.array(MARKET.volatility)[z] / np.sqrt(252)
        fair = np.log((moves * np.exp(jumps)).sum(axis=1))[z]
        logs = logs + 0.03 / 252 - 0.5 * deviation**2 + deviation * normal + jumps[z, k] - fair
        z = k
        spots.append(100.0 * np.exp(logs))
        regimes.append(z)
    found = MARKET.simulate(paths=256, steps=60, dt=1 / 252, seed=7)
    np.testing.assert_array_equal(found.regime, np.stack(regimes, axis=1))
    np.testing.assert_allclose(found.spot, np.stack(spots, axis=1), rtol=1e-12)
    np.testing.assert_array_equal(found.variance, np.array(MARKET.volatility)[found.regime] ** 2)


def test_regimes_stay_stationary_and_move_as_told():
    found = MARKET.simulate(paths=30_000, steps=40, dt=1 / 252, seed=3).regime
    held = stationary_distribution(np.array(MOVES))
    for t in (0, 40):
        share = np.bincount(found[:, t], minlength=3) / len(found)
        assert (np.abs(share - held) < 3.5 * np.sqrt(held * (1 - held) / len(found))).all()
    seen = np.zeros((3, 3))
    np.add.at(seen, (found[:, :-1].ravel(), found[:, 1:].ravel()), 1.0)
    total = seen.sum(axis=1, keepdims=True)
    moves = np.array(MOVES)
    assert (np.abs(seen / total - moves) <= 4 * np.sqrt(moves * (1 - moves) / total)).all()


def test_a_regime_has_its_variance():
    found = MarkovSwitching().simulate(paths=20_000, steps=20, dt=1 / 252, seed=3)
    returns, regime = np.diff(np.log(found.spot)), found.regime[:, :-1]
    for k, vol in enumerate((0.12, 0.35)):
        inside = returns[regime == k]
        assert inside.var() == pytest.approx(vol**2 / 252, rel=3 * np.sqrt(2 / inside.size))


def test_one_regime_is_black_scholes_path_by_path():
    one = MarkovSwitching(volatility=(0.2,), moves=((1.0,),)).simulate(paths=50, steps=20, dt=1 / 252, seed=9)
    plain = BlackScholes(volatility=0.2).simulate(paths=50, steps=20, dt=1 / 252, seed=9)
    np.testing.assert_allclose(one.spot, plain.spot, rtol=1e-14)


def test_the_first_regime_can_be_told():
    assert (
        MarkovSwitching(begin=(0.0, 1.0)).simulate(paths=99, steps=1, dt=1 / 252, seed=1).regime[:, 0] == 1
    ).all()


def test_a_fitted_detector_becomes_a_market_and_is_found_again():
    truth = MarkovSwitching(volatility=(0.1, 0.4), moves=((0.97, 0.03), (0.06, 0.94)))
    returns = np.diff(np.log(truth.simulate(paths=1, steps=4000, dt=1 / 252, seed=3).spot[0]))
    fitted = HiddenMarkovDetector(states=2).fit(pd.DataFrame({"return_1d": returns}), returns)
    market = MarkovSwitching.of_regimes(fitted.state_variance_, fitted.transition_, spot=50.0)
    assert market.volatility == pytest.approx(truth.volatility, rel=0.05)
    np.testing.assert_allclose(market.moves, truth.moves, atol=0.02)


def test_another_step_is_refused():
    with pytest.raises(SettingsError, match="simulate at that step or fit them at the other"):
        MarkovSwitching().simulate(paths=1, steps=1, dt=1 / 365, seed=1)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"moves": ((0.9, 0.2), (0.1, 0.9))}, "row 0 of the transition matrix"),
        ({"volatility": (0.1, 0.2, 0.3)}, "3 volatilities need 3 × 3 moves"),
        ({"jumps": ((0.0, 0.1),)}, "jumps: give 2 × 2"),
        ({"jumps": ((0.1, 0.1), (0.0, 0.0))}, "does not jump"),
        ({"begin": (0.5, 0.6)}, "begin must be a distribution"),
        ({"volatility": (-0.1, 0.2)}, "volatilities of 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(fault, said):
    with pytest.raises(SettingsError, match=said):
        MarkovSwitching(**fault)
