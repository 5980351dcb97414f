"""Schedules of a parent order: Almgren and Chriss is the optimum, TWAP its limit."""

import numpy as np
import pytest

from pipeline.execution.schedule import handed_out, in_lots


def test_twap_is_the_limit_of_no_urgency():
    np.testing.assert_allclose(handed_out(7, 1e-9), handed_out(7, 0.0), rtol=1e-9)
    assert (np.diff(handed_out(7, 1.0)) < np.diff(handed_out(7, 0.0))).tolist()[-1]


@pytest.mark.parametrize("urgency", [0.5, 3.0, 100.0])
def test_it_is_sinh_over_sinh_and_hands_out_everything(urgency):
    gone = np.arange(1, 9) / 8
    np.testing.assert_allclose(
        handed_out(8, urgency), 1 - np.sinh(urgency * (1 - gone)) / np.sinh(urgency), rtol=1e-12, atol=1e-15
    )
    assert handed_out(8, urgency)[-1] == 1.0


def test_it_is_the_trajectory_of_least_cost_and_risk():
    """Where the derivative of Σ (Δx)² / τ + (κT)² τ Σ x² is zero, on a fine grid."""
    slices, urgency = 400, 3.0
    along = np.full(slices - 1, 2.0 + (urgency / slices) ** 2)
    beside = -np.ones(slices - 2)
    left = np.linalg.solve(np.diag(along) + np.diag(beside, 1) + np.diag(beside, -1), np.eye(slices - 1)[0])
    np.testing.assert_allclose(1.0 - left, handed_out(slices, urgency)[:-1], atol=1e-5)


@pytest.mark.parametrize("quantity", [12.34, -0.07])
def test_lots_are_whole_and_add_up(quantity):
    units = np.diff(in_lots(quantity, handed_out(5, 2.0), 0.01), prepend=0.0)
    np.testing.assert_allclose(units, np.round(units / 0.01) * 0.01, atol=1e-12)
    assert units.sum() == pytest.approx(quantity)
    assert (units * quantity >= 0.0).all()
