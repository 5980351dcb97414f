"""Square-root impact and its memory: closed forms, and what the desk's settings mean."""

import numpy as np
import pytest

from pipeline.domain.desk import Desk
from pipeline.domain.execution_settings import ExecutionSettings
from pipeline.execution.impact import memory, square_root_impact
from pipeline.execution.terms import PLAIN, Terms, terms_of


def test_four_times_the_share_or_a_quarter_of_the_volume_moves_the_price_twice_as_far():
    vol = np.array([0.01, 0.02])
    one = square_root_impact(ExecutionSettings(impact=0.8, notional_share=0.0025), vol, 1.0)
    np.testing.assert_allclose(one, 0.8 * vol * 0.05)
    more = square_root_impact(ExecutionSettings(impact=0.8, notional_share=0.01), vol, 1.0)
    thin = square_root_impact(ExecutionSettings(impact=0.8, notional_share=0.0025), vol, 0.25)
    np.testing.assert_allclose(more, 2 * one)
    np.testing.assert_allclose(thin, 2 * one)


def test_an_unknown_volume_is_that_of_a_median_session():
    known = square_root_impact(ExecutionSettings(impact=1.0), np.full(3, 0.01), np.array([np.nan, 0.0, 1.0]))
    assert known[0] == known[1] == known[2] > 0.0


@pytest.mark.parametrize("half_life", [0.5, 1.0, 3.0])
def test_half_of_the_pressure_is_left_after_the_half_life(half_life):
    assert memory(ExecutionSettings(impact_half_life=half_life)) ** half_life == pytest.approx(0.5)


def test_no_half_life_is_no_memory_and_tends_to_it():
    assert memory(ExecutionSettings()) == 0.0
    assert memory(ExecutionSettings(impact_half_life=1e-3)) < 1e-300


def test_a_desk_that_sets_nothing_pays_proportional_cost_only():
    desk = Desk(name="x", policies={"run": ()})
    assert terms_of(desk, 100.0) == PLAIN._replace(fee=0.2e-4)


def test_the_fixed_fee_is_in_money_of_the_starting_spot():
    desk = Desk(
        name="x",
        policies={"run": ()},
        costs={"fixed_fee_bps": 3.0},
        execution={"impact_half_life": 1.0, "lot": 0.01},
    )
    assert terms_of(desk, 100.0) == Terms(fee=0.2e-4, fixed_fee=pytest.approx(0.03), memory=0.5, lot=0.01)
