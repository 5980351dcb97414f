import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - the name its own documentation uses

from pipeline.domain.errors import SettingsError
from pipeline.simulate.black_scholes import BlackScholes
from pipeline.simulate.heston import FellerWarning, Heston
from pipeline.simulate.noise import draws

CALM = Heston(start=0.06, mean=0.04, reversion=3.0, vol_of_vol=0.4, correlation=-0.6)
with pytest.warns(FellerWarning):
    BUEHLER = Heston(start=0.04, mean=0.04, reversion=1.0, vol_of_vol=2.0, correlation=-0.7)
MARKETS = pytest.mark.parametrize("market", [CALM, BUEHLER], ids=["calm", "buehler"])


def in_numpy(market, noise, dt):
    """Andersen's scheme on all paths at once: both branches everywhere, then the one that counts."""
    kappa, theta, xi, rho = market.reversion, market.mean, market.vol_of_vol, market.correlation
    decay = np.exp(-kappa * dt)
    k0 = -rho * kappa * theta * dt / xi
    k1 = 0.5 * dt * (kappa * rho / xi - 0.5) - rho / xi
    k2 = 0.5 * dt * (kappa * rho / xi - 0.5) + rho / xi
    k3 = k4 = 0.5 * dt * (1 - rho**2)
    tilt = k2 + 0.5 * k4
    v = np.full(noise.shape[-1], market.start)
    logs, spots, variances = np.zeros_like(v), [], [v]
    for normal, second, uniform, _ in noise[:, 0]:
        m = theta + (v - theta) * decay
        s2 = v * xi**2 * decay * (1 - decay) / kappa + theta * xi**2 * (1 - decay) ** 2 / (2 * kappa)
        psi = s2 / m**2
        with np.errstate(invalid="ignore"):
            b2 = 2 / psi - 1 + np.sqrt(2 / psi) * np.sqrt(2 / psi - 1)
            a = m / (1 + b2)
            smooth = a * (np.sqrt(b2) + second) ** 2
            log_moment = tilt * b2 * a / (1 - 2 * tilt * a) - 0.5 * np.log(1 - 2 * tilt * a)
            p = (psi - 1) / (psi + 1)
            beta = (1 - p) / m
            mass = np.where(uniform <= p, 0.0, np.log((1 - p) / (1 - uniform)) / beta)
            log_moment_mass = np.log(p + beta * (1 - p) / (beta - tilt))
        ahead = np.where(psi <= 1.5, smooth, mass)
        k0 = -np.where(psi <= 1.5, log_moment, log_moment_mass) - (k1 + 0.5 * k3) * v
        logs = logs + k0 + k1 * v + k2 * ahead + np.sqrt(k3 * v + k4 * ahead) * normal
        v = ahead
        spots.append(market.spot * np.exp(logs))
        variances.append(v)
    return np.stack(spots, axis=1), np.stack(variances, axis=1)


@MARKETS
def test_the_kernel_is_its_plain_twin(market):
    spot, variance = in_numpy(market, draws(7, first=0, steps=30), 1 / 252)
    found = market.simulate(paths=256, steps=30, dt=1 / 252, seed=7)
    np.testing.assert_allclose(found.spot[:, 1:], spot, rtol=1e-11)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-10, atol=1e-16)


@MARKETS
@pytest.mark.parametrize("dt", [1 / 252, 1 / 12])
def test_the_variance_has_its_mean_and_deviation_at_any_step(market, dt):
    v = market.simulate(paths=60_000, steps=12, dt=dt, seed=3).variance[:, -1]
    kappa, theta, xi, time = market.reversion, market.mean, market.vol_of_vol, 12 * dt
    decay = np.exp(-kappa * time)
    mean = theta + (market.start - theta) * decay
    spread = xi**2 / kappa * (market.start * decay * (1 - decay) + 0.5 * theta * (1 - decay) ** 2)
    centred = (v - mean) ** 2
    assert abs(v.mean() - mean) < 3 * v.std() / np.sqrt(len(v))
    assert abs(centred.mean() - spread) < 3 * centred.std() / np.sqrt(len(v))


def quantlib_price(market, kind, strike, days):
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    spot = ql.QuoteHandle(ql.SimpleQuote(market.spot))
    process = ql.HestonProcess(
        flat, flat, spot, market.start, market.reversion, market.mean, market.vol_of_vol, market.correlation
    )
    option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, strike), ql.EuropeanExercise(today + days))
    option.setPricingEngine(ql.AnalyticHestonEngine(ql.HestonModel(process), 1e-10, 100_000))
    return option.NPV()


@pytest.mark.parametrize("strike", [90.0, 100.0, 110.0])
def test_calls_are_worth_what_quantlib_says(strike):
    last = CALM.simulate(paths=100_000, steps=73, dt=1 / 365, seed=5).spot[:, -1]
    paid = np.maximum(last - strike, 0.0)
    exact = quantlib_price(CALM, ql.Option.Call, strike, 73)
    assert abs(paid.mean() - exact) < 3 * paid.std() / np.sqrt(len(paid))


def test_buehlers_call_has_the_published_price():
    """1.69 (Buehler et al. 2019, section 5.2), with a step of a calendar day; QuantLib agrees."""
    exact = quantlib_price(BUEHLER, ql.Option.Call, 100.0, 30)
    assert round(exact, 2) == 1.69
    last = BUEHLER.simulate(paths=100_000, steps=30, dt=1 / 365, seed=5).spot[:, -1]
    paid = np.maximum(last - 100.0, 0.0)
    assert abs(paid.mean() - exact) < 3 * paid.std() / np.sqrt(len(paid))


def test_without_vol_of_vol_it_is_black_scholes_path_by_path():
    still = Heston(start=0.04, mean=0.04, vol_of_vol=0.0)
    found = still.simulate(paths=50, steps=20, dt=1 / 252, seed=9).spot
    plain = BlackScholes(volatility=0.2).simulate(paths=50, steps=20, dt=1 / 252, seed=9).spot
    np.testing.assert_allclose(found, plain, rtol=1e-12)


def test_small_vol_of_vol_goes_to_the_limit():
    gap = []
    for xi in (1e-2, 1e-3):
        market = Heston(start=0.05, mean=0.03, vol_of_vol=xi)
        limit = Heston(start=0.05, mean=0.03, vol_of_vol=0.0)
        one, other = (each.simulate(paths=500, steps=20, dt=1 / 252, seed=9) for each in (market, limit))
        gap.append(np.abs(one.variance - other.variance).max())
    assert gap[1] < 0.15 * gap[0] < 0.15 * 0.02


def test_the_sign_of_the_leverage_is_the_correlation():
    found = CALM.simulate(paths=20_000, steps=5, dt=1 / 252, seed=9)
    returns, change = np.diff(np.log(found.spot)).ravel(), np.diff(found.variance).ravel()
    assert np.corrcoef(returns, change)[0, 1] == pytest.approx(-0.6, abs=0.03)


def test_a_correlation_that_cannot_be_is_refused():
    with pytest.raises(SettingsError, match="positive semi-definite"):
        Heston(correlation=-1.2)


def test_a_step_without_a_martingale_correction_is_refused():
    wild = Heston(start=4.0, mean=4.0, reversion=1.0, vol_of_vol=1.0, correlation=1.0)
    with pytest.raises(SettingsError, match="make them shorter"):
        wild.simulate(paths=10, steps=4, dt=20.0, seed=1)
    short = wild.simulate(paths=10, steps=4, dt=1e-3, seed=1)
    assert np.isfinite(short.spot).all()
