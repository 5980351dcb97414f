from dataclasses import replace

import numpy as np
import pytest

from pipeline.policies import exposure
from pipeline.policies.base import Score, Training
from pipeline.policies.minimum_variance import adjustment, slope_coefficients
from pipeline.policies.regime_switched import RegimeSwitched, RegimeSwitchedNoRegimes
from pipeline.policies.slope_share import (
    PRIOR_ERROR,
    Estimate,
    learned_share,
    least_variance_share,
    marked_pnl,
    shrunk,
)

LIFE = 21


def test_the_share_in_closed_form_has_the_least_variance():
    x, d = np.array([1.0, -2.0, 0.5, 3.0, -1.0]), np.array([-1.0, 1.5, 0.5, -2.5, 1.0])
    shares = np.linspace(-1, 3, 4001)
    variances = np.var(x + shares[:, None] * d, axis=1)
    assert least_variance_share(x, d, 4).value == pytest.approx(shares[variances.argmin()], abs=1e-3)


def test_what_tells_nothing_has_an_infinite_error():
    x, d = np.arange(6.0), np.array([1.0, -1.0, 2.0, 0.0, 1.0, 5.0])
    assert np.isinf(least_variance_share(x, d, 3).error)
    assert np.isfinite(least_variance_share(x, d, 4).error)
    assert least_variance_share(x, np.ones(6), 4) == Estimate(0.0, np.inf)


def test_without_a_prior_the_posterior_is_the_estimate_and_without_evidence_the_prior():
    estimate = Estimate(1.2, 0.3)
    assert shrunk(estimate, Estimate(0.5, 1e9)) == pytest.approx(1.2)
    assert shrunk(estimate, Estimate(0.5, 1e-9)) == pytest.approx(0.5)
    assert shrunk(Estimate(1.2, np.inf), Estimate(0.5, 0.3)) == 0.5
    precisions = np.array([1 / 0.3**2, 1 / 0.4**2])
    assert shrunk(estimate, Estimate(0.5, 0.4)) == pytest.approx(precisions @ [1.2, 0.5] / precisions.sum())


def test_the_error_by_blocks_is_the_scatter_of_the_estimate_where_episodes_overlap():
    """Monte Carlo: 21-session sums of independent days, started daily; 20 blocks of 63 starts."""
    rng, found = np.random.default_rng(5), []
    for _ in range(400):
        day, noise = rng.normal(size=(2, 1260 + LIFE))
        d, e = (np.convolve(each, np.ones(LIFE), "valid")[:1260] for each in (day, noise))
        found.append(least_variance_share(e - 0.6 * d, d, 20))
    shares, errors = np.array(found).T
    scatter = shares.std(ddof=1)
    assert shares.mean() == pytest.approx(0.6, abs=3 * scatter / np.sqrt(400))
    assert np.sqrt((errors**2).mean()) == pytest.approx(scatter, rel=0.15)
    independent = 1 / np.sqrt(1260)  # the error that counts every start as news
    assert scatter > 3 * independent


def share_of(state, vol, prior_error):
    whole = adjustment(state, {"call": slope_coefficients(state, "call")})
    return learned_share(state, exposure.target(state, vol), whole, Estimate(0.5, prior_error))


def test_a_slope_that_the_market_has_is_found_whole(local_volatility):
    """The spot has the slope that its marks have: the minimum-variance hedge is right, share 1."""
    state, _ = local_volatility(real=-4.0, marked=-4.0)
    whole = adjustment(state, {"call": slope_coefficients(state, "call")})
    blocks = state.shape[0] // (3 * LIFE)
    found = least_variance_share(*marked_pnl(state, exposure.target(state, state.implied_vol), whole), blocks)
    assert found.error < 0.15
    assert found.value == pytest.approx(1.0, abs=3 * found.error)
    assert share_of(state, state.implied_vol, 1e6) == pytest.approx(found.value)


def test_a_slope_of_the_marks_only_is_not_taken_and_shrinks_to_the_prior_with_its_precision(local_volatility):
    """The spot's volatility is constant and the hedge knows it: whatever is added to it is noise, share 0."""
    state, _ = local_volatility(real=0.0, marked=-4.0)
    known = np.full(state.shape, 0.2)
    whole = adjustment(state, {"call": slope_coefficients(state, "call")})
    found = least_variance_share(
        *marked_pnl(state, exposure.target(state, known), whole), state.shape[0] // (3 * LIFE)
    )
    assert found.error < 0.15
    assert found.value == pytest.approx(0.0, abs=3 * found.error)
    weights = [abs(share_of(state, known, error) - found.value) for error in (1e-6, 0.1, 0.27, 10.0)]
    assert weights == sorted(weights, reverse=True)
    assert share_of(state, known, 1e-6) == pytest.approx(0.5)


@pytest.mark.parametrize("drift", [-0.3, 0.3])
def test_a_drift_of_the_market_leaves_the_share_alone(local_volatility, drift):
    """The same noise with and without drift: hedge and options both lose it."""
    still, drifting = (local_volatility(-4.0, -4.0, drift=each, paths=2000)[0] for each in (0.0, drift))
    assert share_of(drifting, drifting.implied_vol, 1e6) == pytest.approx(
        share_of(still, still.implied_vol, 1e6), abs=0.25
    )


def test_the_flagship_takes_the_share_that_its_episodes_tell_and_its_rival_without_regimes_the_same(
    local_volatility,
):
    state, _ = local_volatility(real=-4.0, marked=-4.0)
    state = replace(state, forecast_vol=state.implied_vol)
    training = Training(state, lambda policy: Score(0.0, np.zeros(8)), 3)
    fitted = RegimeSwitched(doubt=0.0).fit(training)
    expected = share_of(state, state.implied_vol, PRIOR_ERROR)
    assert fitted.slope_share == pytest.approx(expected)
    assert fitted.slope_share > 0.7
    assert RegimeSwitchedNoRegimes(doubt=0.0).fit(training).slope_share == fitted.slope_share
    assert fitted.parameters()["slope_share"] == fitted.slope_share
    assert RegimeSwitched(slope_share=0.0).fit(training).slope_share == 0.0
