"""What is seen of quotes: against plain loops, and nothing of a later day."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.backtest.chain_panel import chain_panel
from pipeline.backtest.quote_sight import MARKET, OWN, seen_moves
from pipeline.domain.errors import DataError
from pipeline.features.option_expiries import with_implied_vols
from pipeline.pricing import black
from tests.option_chain import chain

DAYS = ("2019-05-01", "2019-05-02", "2019-05-03", "2019-05-06", "2019-05-07")
SPOTS = (100.0, 101.0, 99.5, 100.2, 98.0)
STRIKES, EXPIRIES = np.linspace(85.0, 115.0, 13), ("06-07", "07-19")


def told(spots):
    """A chain by its spots, and a surface that is made of them."""
    days = [chain(day, spot, EXPIRIES, STRIKES) for day, spot in zip(DAYS, spots, strict=True)]
    quoted = pd.concat([with_implied_vols(day)[0] for day in days], ignore_index=True)
    figures = {name: np.array(spots) / scale for name, scale in (("atm_vol_30d", 600.0), ("skew_30d", 2e3))}
    times = [day["event_time"].iloc[0] for day in days]
    return chain_panel(quoted), pd.DataFrame({"event_time": times, "term_slope": 0.01, **figures})


@pytest.fixture(scope="module")
def made():
    return told(SPOTS)


def test_columns_are_those_of_plain_loops(made):
    panel, surface = made
    seen = seen_moves(panel, surface)
    assert seen.own.shape == (len(seen.moves.day), len(OWN))
    assert seen.market.shape == (len(DAYS), len(MARKET))
    expiries = panel.contracts["expiry"]
    assert len(seen.moves.day) > 100
    for pair in range(0, len(seen.moves.day), 17):
        row, day = seen.moves.contract[pair], seen.moves.day[pair]
        forward, strike, vol = panel.forward[row, day], panel.strike[row], panel.vol[row, day]
        same = np.flatnonzero((expiries == expiries[row]).to_numpy())
        nearest = same[np.abs(np.log(panel.strike[same] / forward)).argmin()]
        delta = black.delta("call", forward, strike, panel.time[row, day], vol)
        expected = (delta, np.log(panel.time[row, day]), np.log(vol), np.log(vol / panel.vol[nearest, day]))
        np.testing.assert_allclose(seen.own[pair], expected, atol=1e-12)
    np.testing.assert_allclose(seen.market[1:, 0], np.diff(np.log(SPOTS)), atol=2e-4)
    np.testing.assert_array_equal(seen.market[0, :2], 0.0)
    np.testing.assert_array_equal(seen.market[:, 2], surface["atm_vol_30d"])
    np.testing.assert_array_equal(seen.market[1:, 1], np.diff(surface["atm_vol_30d"]))


def test_the_past_is_read_in_order_and_begins_with_the_first_day(made):
    seen = seen_moves(*made)
    columns = seen.columns(3)
    assert columns.shape == (len(seen.moves.day), 3, len(OWN) + len(MARKET))
    np.testing.assert_array_equal(columns[:, -1, len(OWN) :], seen.market[seen.moves.day])
    np.testing.assert_array_equal(columns[:, 0, : len(OWN)], seen.own)
    later = seen.moves.day == 3
    np.testing.assert_array_equal(columns[later, 0, len(OWN) :], seen.market[[1] * later.sum()])
    first = seen.moves.day == 0
    np.testing.assert_array_equal(columns[first, 0], columns[first, 2])


@pytest.mark.parametrize("last", [1, 3])
def test_a_later_day_changes_nothing_that_was_seen(made, last):
    whole = seen_moves(*made)
    other = seen_moves(*told((*SPOTS[: last + 1], *(spot * 1.07 for spot in SPOTS[last + 1 :]))))
    cuts = [each.where(each.moves.day <= last) for each in (whole, other)]
    kept = [np.isin(cut.moves.contract * 100 + cut.moves.day, _both(*cuts)) for cut in cuts]
    assert kept[0].sum() > 40
    one, two = (cut.where(rows).columns(3) for cut, rows in zip(cuts, kept, strict=True))
    np.testing.assert_array_equal(one, two)


def _both(one, other):
    """Pairs that both have: one whose option loses its bid the day after is in no pair."""
    return np.intersect1d(*(each.moves.contract * 100 + each.moves.day for each in (one, other)))


def test_a_figure_that_a_day_does_not_tell_stays_and_a_foreign_surface_is_refused(made):
    panel, surface = made
    holed = surface.assign(skew_30d=surface["skew_30d"].where(surface.index != 2))
    seen = seen_moves(panel, holed)
    assert seen.market[2, 3] == seen.market[1, 3] == surface["skew_30d"][1]
    with pytest.raises(DataError, match="surface of 4 days for a chain of 5"):
        seen_moves(panel, surface.iloc[1:])
    with pytest.raises(DataError, match="tells no volatility at 30 and 90 days"):
        seen_moves(panel, surface.assign(term_slope=np.nan))


def test_pairs_that_are_left_out_take_their_columns_along(made):
    seen = seen_moves(*made)
    some = seen.where(np.flatnonzero(seen.moves.right > 0))
    np.testing.assert_array_equal(some.own, seen.own[seen.moves.right > 0])
    assert replace(some, own=some.own[:, :1]).columns(1).shape[-1] == 1 + len(MARKET)
