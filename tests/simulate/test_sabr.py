import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - the name its own documentation uses

from pipeline.domain.errors import SettingsError
from pipeline.pricing import black
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.noise import draws
from pipeline.simulate.sabr import Sabr

MARKET = Sabr(alpha=2.0, beta=0.5, vol_of_vol=0.6, correlation=-0.4)


def test_the_kernel_is_its_plain_twin():
    dt, spot, alpha = 1 / 252, np.full(256, 100.0), np.full(256, 2.0)
    spots, variances = [spot], [alpha**2 / spot]
    for normal, second, _, _ in draws(7, first=0, steps=30)[:, 0]:
        vol = alpha * spot ** (0.5 - 1.0)
        shock = -0.4 * second + np.sqrt(1 - 0.4**2) * normal
        spot = spot * np.exp(-0.5 * vol**2 * dt + vol * np.sqrt(dt) * shock)
        alpha = alpha * np.exp(-0.5 * 0.6**2 * dt + 0.6 * np.sqrt(dt) * second)
        spots.append(spot)
        variances.append(alpha**2 / spot)
    found = MARKET.simulate(paths=256, steps=30, dt=dt, seed=7)
    np.testing.assert_allclose(found.spot, np.stack(spots, axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.variance, np.stack(variances, axis=1), rtol=1e-12)


@pytest.mark.parametrize("strike", [92.0, 100.0, 108.0])
def test_a_short_option_has_hagans_volatility(strike):
    time, steps = 0.08, 40
    last = MARKET.simulate(paths=100_000, steps=steps, dt=time / steps, seed=5).spot[:, -1]
    right = "call" if strike >= 100.0 else "put"
    paid = np.maximum((last - strike) * (1.0 if right == "call" else -1.0), 0.0)
    vol = ql.sabrVolatility(strike, 100.0, time, 2.0, 0.5, 0.6, -0.4)
    exact = float(black.price(right, 100.0, strike, time, vol))
    assert abs(paid.mean() - exact) < 3 * paid.std() / np.sqrt(len(paid))


def test_without_vol_of_vol_and_with_beta_one_it_is_black_scholes_path_by_path():
    still = Sabr(alpha=0.2, beta=1.0, vol_of_vol=0.0, correlation=0.0)
    found = still.simulate(paths=50, steps=20, dt=1 / 252, seed=9).spot
    plain = BlackScholes(volatility=0.2).simulate(paths=50, steps=20, dt=1 / 252, seed=9).spot
    np.testing.assert_allclose(found, plain, rtol=1e-12)


def test_the_volatility_is_log_normal():
    wild = Sabr(alpha=0.2, vol_of_vol=0.8)
    logs = 0.5 * np.log(wild.simulate(paths=50_000, steps=10, dt=0.1, seed=3).variance[:, -1])
    mean, deviation = np.log(0.2) - 0.5 * 0.8**2, 0.8
    assert logs.mean() == pytest.approx(mean, abs=3 * deviation / np.sqrt(len(logs)))
    assert logs.std() == pytest.approx(deviation, rel=3 / np.sqrt(2 * len(logs)))


def test_a_price_near_zero_is_absorbed_and_finite():
    found = Sabr(alpha=30.0, beta=0.1, vol_of_vol=2.0).simulate(paths=2000, steps=60, dt=1 / 12, seed=3)
    gone = found.spot[:, -1] <= 1.001e-6
    assert 0.0 < gone.mean() < 1.0
    assert (found.variance[gone, -1] == 0.0).all()
    assert np.isfinite(found.spot).all()


@pytest.mark.parametrize(
    "fault", [{"beta": 1.5}, {"alpha": -1.0}, {"correlation": 2.0}, {"vol_of_vol": -0.1}]
)
def test_what_cannot_be_is_refused(fault):
    with pytest.raises(SettingsError, match=next(iter(fault))):
        Sabr(**fault)
