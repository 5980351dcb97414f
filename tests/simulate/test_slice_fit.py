import numpy as np
import pytest

from pipeline.domain.errors import FitError
from pipeline.pricing import heston, sabr
from pipeline.pricing.heston import HestonLaw
from pipeline.pricing.implied_vol import implied_vol
from pipeline.simulate.slice_fit import fit_heston, fit_sabr

STRIKES = np.array([80.0, 88.0, 95.0, 100.0, 105.0, 112.0, 120.0])


def heston_vols(law, time):
    values = [heston.price("call", law, np.array([100.0]), np.array([law.mean]), k, time)[0] for k in STRIKES]
    return implied_vol(1.0, np.array(values), 100.0, STRIKES, time)


def test_hestons_own_slice_is_recovered():
    law = HestonLaw(mean=0.05, reversion=2.0, vol_of_vol=0.4, correlation=-0.6)
    found = fit_heston(100.0, STRIKES, 0.5, heston_vols(law, 0.5))
    assert found.error < 1e-5
    market = found.market
    assert (market.start, market.mean, market.reversion) == (market.mean, pytest.approx(0.05, rel=1e-2), 2.0)
    assert market.vol_of_vol == pytest.approx(0.4, rel=2e-2)
    assert market.correlation == pytest.approx(-0.6, abs=1e-2)


@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_sabrs_own_slice_is_recovered(beta):
    alpha = 0.22 * 100.0 ** (1.0 - beta)
    vols = sabr.implied_vol(100.0, STRIKES, 0.25, alpha=alpha, beta=beta, vol_of_vol=0.9, correlation=-0.45)
    market = fit_sabr(100.0, STRIKES[::-1], 0.25, vols[::-1], beta=beta).market
    assert market.spot == 100.0
    assert (market.alpha, market.vol_of_vol) == pytest.approx((alpha, 0.9), rel=1e-4)
    assert market.correlation == pytest.approx(-0.45, abs=1e-4)


@pytest.mark.parametrize("fit", [fit_heston, fit_sabr])
def test_what_no_market_has_is_refused_with_a_remedy(fit):
    saw = np.where(np.arange(7) % 2 == 0, 0.1, 0.5)
    with pytest.raises(FitError, match=r"did not converge.*drop far wings or give another"):
        fit(100.0, STRIKES, 0.25, saw)


@pytest.mark.parametrize("fit", [fit_heston, fit_sabr])
def test_bad_quotes_are_named(fit):
    with pytest.raises(FitError, match="3 or more"):
        fit(100.0, STRIKES[:2], 0.25, np.array([0.2, 0.2]))
    with pytest.raises(FitError, match=r"quote 1 \(strike 88\.0, volatility nan\)"):
        fit(100.0, STRIKES, 0.25, np.where(STRIKES == 88.0, np.nan, 0.2))
