import numpy as np
import pytest

from pipeline.domain.errors import SettingsError
from pipeline.forecasts.garch import variance_recursion
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.gjr_garch import GjrGarch
from pipeline.simulate.noise import draws

MARKET = GjrGarch(omega=3e-6, alpha=0.03, gamma=0.1, beta=0.88, drift=0.05)


def test_the_kernel_is_its_plain_twin():
    h, logs = np.full(256, MARKET.long_run), np.zeros(256)
    spots, variances = [np.full(256, 100.0)], [h * 252]
    for normal, *_ in draws(7, first=0, steps=50)[:, 0]:
        shock = np.sqrt(h) * normal
        logs = logs + 0.05 / 252 - 0.5 * h + shock
        h = 3e-6 + (0.03 + 0.1 * (shock < 0)) * shock**2 + 0.88 * h
        spots.append(100.0 * np.exp(logs))
        variances.append(h * 252)
    found = MARKET.simulate(paths=256, steps=50, dt=1 / 252, seed=7)
    np.testing.assert_allclose(found.spot, np.stack(spots, axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.variance, np.stack(variances, axis=1), rtol=1e-12)


def test_the_forecaster_recovers_the_variance():
    found = MARKET.simulate(paths=1, steps=200, dt=1 / 252, seed=7)
    h = found.variance[0] / 252
    shocks = np.diff(np.log(found.spot[0])) - 0.05 / 252 + 0.5 * h[:-1]
    ahead = variance_recursion(shocks[1:], 3e-6, 0.03, 0.1, 0.88, 0.0)
    np.testing.assert_allclose(ahead[100:], h[102:], rtol=1e-4)


def test_the_variance_keeps_its_mean_and_returns_to_it():
    long_run = 3e-6 / (1 - 0.03 - 0.05 - 0.88)
    for begin in (None, 4 * long_run):
        market = GjrGarch(omega=3e-6, alpha=0.03, gamma=0.1, beta=0.88, begin=begin)
        h = market.simulate(paths=40_000, steps=30, dt=1 / 252, seed=3).variance[:, -1] / 252
        exact = long_run + 0.96**30 * ((begin or long_run) - long_run)
        assert abs(h.mean() - exact) < 3 * h.std() / np.sqrt(len(h))


def test_without_news_it_is_black_scholes_path_by_path():
    still = GjrGarch(omega=1e-4, alpha=0.0, gamma=0.0, beta=0.0).simulate(
        paths=50, steps=9, dt=1 / 252, seed=9
    )
    plain = BlackScholes(volatility=np.sqrt(252e-4)).simulate(paths=50, steps=9, dt=1 / 252, seed=9)
    np.testing.assert_allclose(still.spot, plain.spot, rtol=1e-12)


@pytest.mark.parametrize(
    ("fault", "said"), [({"beta": 0.95}, "no long-run mean"), ({"gamma": -0.5}, "could become negative")]
)
def test_what_cannot_be_is_refused(fault, said):
    with pytest.raises(SettingsError, match=said):
        GjrGarch(**fault)
