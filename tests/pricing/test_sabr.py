import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - the name its own documentation uses

from pipeline.pricing.sabr import implied_vol


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("correlation", [-0.7, 0.0, 0.4])
def test_it_is_quantlibs(beta, correlation):
    alpha = 0.2 * 100.0 ** (1.0 - beta)
    strikes = np.array([60.0, 90.0, 99.9999, 100.0, 100.0001, 115.0, 160.0])
    found = implied_vol(100.0, strikes, 0.7, alpha=alpha, beta=beta, vol_of_vol=0.5, correlation=correlation)
    theirs = [ql.sabrVolatility(k, 100.0, 0.7, alpha, beta, 0.5, correlation) for k in strikes]
    np.testing.assert_allclose(found, theirs, rtol=1e-6)


def test_without_vol_of_vol_and_with_beta_one_it_is_flat():
    found = implied_vol(
        100.0, np.array([80.0, 100.0]), 1.0, alpha=0.2, beta=1.0, vol_of_vol=1e-9, correlation=0.0
    )
    np.testing.assert_allclose(found, 0.2, rtol=1e-9)
