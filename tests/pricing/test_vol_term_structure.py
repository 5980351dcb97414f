import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pricing.vol_term_structure import vol_at_maturity

TENORS = (9, 30, 93)
VOLS = st.tuples(*[st.floats(0.05, 1.5)] * 3)


def at(days, vols, tenors=TENORS):
    days = np.asarray(days, dtype=float)
    return vol_at_maturity(days, tenors, [np.full(days.shape, vol) for vol in vols])


@given(vols=VOLS)
def test_at_a_tenor_it_is_the_index_and_outside_the_nearest(vols):
    np.testing.assert_allclose(at(TENORS, vols), vols, rtol=1e-12)
    np.testing.assert_allclose(at([0.0, 1.0, 400.0], vols), [vols[0], vols[0], vols[2]], rtol=1e-12)


def test_a_flat_term_structure_stays_flat():
    np.testing.assert_allclose(at(np.linspace(0.0, 200.0, 41), (0.2, 0.2, 0.2)), 0.2, rtol=1e-12)


@given(vols=VOLS)
def test_total_variance_is_linear_between_the_tenors(vols):
    days = np.linspace(9.0, 93.0, 200)
    total = at(days, vols) ** 2 * days
    knots = [vol**2 * tenor for vol, tenor in zip(vols, TENORS, strict=True)]
    np.testing.assert_allclose(total, np.interp(days, TENORS, knots), rtol=1e-10)


@given(steps=st.tuples(*[st.floats(0.01, 5.0)] * 3))
def test_without_calendar_arbitrage_between_tenors_there_is_none_between_maturities(steps):
    vols = np.sqrt(np.cumsum(steps) / TENORS)
    days = np.linspace(0.0, 200.0, 400)
    assert (np.diff(at(days, vols) ** 2 * days) >= -1e-12).all()


def test_calendar_arbitrage_between_tenors_is_not_hidden():
    """VIX9D and VIX of 2018-02-05 in a worse day: total variance falls from 9 to 30 days, as quoted."""
    days = np.linspace(9.0, 30.0, 22)
    assert (np.diff(at(days, (0.80, 0.37, 0.28)) ** 2 * days) < 0.0).all()


@given(vols=VOLS, day=st.floats(0.0, 200.0))
def test_it_is_never_beyond_the_tenors_own(vols, day):
    """A weighted mean of variances with weights w τ_k / τ that add up to one."""
    assert min(vols) * (1 - 1e-12) <= float(at([day], vols)[0]) <= max(vols) * (1 + 1e-12)


def test_an_unknown_tenor_is_left_out_where_it_is_unknown_only():
    vols = np.array([[0.3, np.nan, 0.3, np.nan], [0.2, 0.2, np.nan, np.nan], [0.25, 0.25, 0.25, np.nan]])
    found = vol_at_maturity(np.full(4, 20.0), TENORS, list(vols))
    expected = [at([20.0], (0.3, 0.2, 0.25)), [0.2], at([20.0], (0.3, 0.25), (9, 93)), [np.nan]]
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-12)


def test_one_tenor_is_flat_and_axes_are_kept():
    days = np.arange(24.0).reshape(2, 3, 4)
    vol = np.random.default_rng(71).uniform(0.1, 0.5, (3, 4))
    np.testing.assert_array_equal(vol_at_maturity(days, (30,), [vol]), np.broadcast_to(vol, days.shape))
    both = vol_at_maturity(days, (9, 30), [vol, vol])
    np.testing.assert_allclose(both, np.broadcast_to(vol, days.shape), rtol=1e-12)


def test_nothing_reads_its_neighbours():
    rng = np.random.default_rng(72)
    days, vols = rng.uniform(0.0, 120.0, 50), rng.uniform(0.1, 0.6, (3, 50))
    vols[0, 7] = vols[2, 7] = vols[1, 9] = np.nan
    whole = vol_at_maturity(days, TENORS, list(vols))
    alone = [vol_at_maturity(days[[i]], TENORS, list(vols[:, [i]]))[0] for i in range(50)]
    np.testing.assert_array_equal(whole, alone)


@pytest.mark.parametrize("tenors", [(30, 9), (9, 9), (0, 9), (-1,)])
def test_tenors_must_increase(tenors):
    with pytest.raises(ValueError, match="must increase from above zero"):
        vol_at_maturity(np.ones(1), tenors, [np.ones(1)] * len(tenors))
