"""Books of options: payoff and the range of their hedge."""

import numpy as np
import pytest

from pipeline.domain.instruments import Liability


@pytest.mark.parametrize(
    ("kind", "side", "payoff", "hedges"),
    [
        ("call", "short", [0.0, -20.0], (0.0, 1.0)),
        ("call", "long", [0.0, 20.0], (-1.0, 0.0)),
        ("put", "short", [-10.0, 0.0], (-1.0, 0.0)),
        ("straddle", "short", [-10.0, -20.0], (-1.0, 1.0)),
        ("straddle", "long", [10.0, 20.0], (-1.0, 1.0)),
    ],
)
def test_payoff_and_hedge_range(kind, side, payoff, hedges):
    book = Liability.of(kind, side)
    np.testing.assert_allclose(book.payoff(np.array([90.0, 120.0]), np.full(2, 100.0)), payoff)
    assert book.position_range == hedges
