"""The cost of a trade: fee plus half-spread scaled by illiquidity."""

import numpy as np
import pytest

from pipeline.domain.desk import CostSettings
from pipeline.execution.costs import one_way_cost


def test_a_median_session_costs_what_the_desk_says():
    costs = CostSettings(fee_bps=0.3, half_spread_bps=0.7)
    assert one_way_cost(costs, 1.0) == pytest.approx(costs.one_way) == pytest.approx(1e-4)


def test_only_the_spread_scales_with_illiquidity_and_no_market_has_no_cost():
    cost = one_way_cost(CostSettings(fee_bps=1.0, half_spread_bps=2.0), np.array([0.0, 3.0, np.nan]))
    np.testing.assert_allclose(cost, [1e-4, 7e-4, np.nan])
