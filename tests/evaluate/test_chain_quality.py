import numpy as np
import pandas as pd
import pytest

from pipeline.evaluate.chain_quality import QUALITY, chain_drift, chain_quality, quote_measures
from pipeline.features.option_expiries import with_implied_vols
from tests.option_chain import chain

EXPIRIES = ("06-21", "07-19", "08-16")


def quoted(day="2019-05-20", change=None, spread=0.02):
    """A chain on a surface without arbitrage; `change` moves some of its quotes."""
    rows = chain(day, 100.0, EXPIRIES, np.arange(90.0, 111.0, 1.0), spread)
    if change is not None:
        rows = change(rows.copy())
    return with_implied_vols(rows)[0]


def raised(rows, expiry, strike, by):
    chosen = (rows["expiry"].astype(str) == expiry) & (rows["strike"] == strike) & (rows["right"] > 0)
    rows.loc[chosen, ["bid", "ask"]] += by
    return rows


def test_a_surface_without_arbitrage_shows_none():
    (day,) = chain_quality(quoted()).to_dict("records")
    assert day["slices"] == 3
    assert (day["butterfly_mid"], day["butterfly_quoted"], day["calendar_mid"]) == (0.0, 0.0, 0.0)
    assert day["without_bid"] < 0.2
    assert day["half_spread_bps"] == pytest.approx(1.0, rel=0.02)


def test_a_dear_body_is_a_butterfly_that_is_traded_only_beyond_the_spread():
    by = {0.08: (1 / 3, 0.0), 0.2: (1 / 3, 1 / 3)}
    for size, (at_mid, traded) in by.items():
        moved = quoted(change=lambda rows, size=size: raised(rows, "2019-07-19", 100.0, size), spread=0.1)
        (day,) = chain_quality(moved).to_dict("records")
        assert day["butterfly_mid"] == pytest.approx(at_mid), size
        assert day["butterfly_quoted"] == pytest.approx(traded), size


def test_less_variance_in_a_later_expiry_is_a_calendar_below_zero():
    def change(rows):
        near, far = ("2019-06-21", "2019-07-19")
        own = {name: rows["expiry"].astype(str) == name for name in (near, far)}
        held = rows.loc[own[near], ["bid", "ask"]].to_numpy()
        rows.loc[own[near], ["bid", "ask"]] = rows.loc[own[far], ["bid", "ask"]].to_numpy()
        rows.loc[own[far], ["bid", "ask"]] = held
        return rows

    (day,) = chain_quality(quoted(change=change)).to_dict("records")
    assert day["calendar_mid"] == pytest.approx(0.5)


def test_drift_compares_quotes_before_and_in_the_test():
    rows = pd.concat([quoted("2019-05-20"), quoted("2019-05-21", spread=0.06)])
    quality, quotes = chain_quality(rows), quote_measures(rows)
    drift = chain_drift(quality, quotes, pd.Timestamp("2019-05-21")).set_index("measure")
    assert set(drift.index) == set(QUALITY)
    assert drift.loc["half_spread_bps", "tested"] == pytest.approx(
        3 * drift.loc["half_spread_bps", "before"], rel=0.05
    )
    assert drift.loc["half_spread_bps", "ks"] == 1.0
    assert np.isnan(drift.loc["quotes", "psi"])
    nothing = chain_drift(quality, quotes, pd.Timestamp("2019-01-01"))
    assert nothing.drop(columns="measure").isna().all(axis=None)
