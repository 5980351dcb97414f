"""Funding as it was known, against a naive loop."""

import numpy as np
import pandas as pd
import pytest

from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import over
from pipeline.features.funding_level import FUNDING_LEVEL


def at(paid, times):
    known = pd.DatetimeIndex(paid["known_time"]).as_unit("ns").asi8
    rows = EventRows(known, paid[["rate", "hours"]].to_numpy(float))
    values = over(FUNDING_LEVEL, {"funding": rows}, times.as_unit("ns").asi8)
    return pd.DataFrame(values, index=times, columns=["funding_level", "funding_mean_24h"])


@pytest.mark.parametrize("hours", [1, 8])
def test_the_level_is_the_newest_known_and_the_mean_a_naive_loop(hours):
    """With a gap of two days, after which nothing is known until the next settlement."""
    rng, rows = np.random.default_rng(2), 400 // hours
    known = pd.date_range("2022-01-01", periods=rows, freq=f"{hours}h", tz="UTC") + pd.Timedelta(seconds=5)
    paid = pd.DataFrame({"known_time": known, "rate": rng.normal(0, 1e-4, rows), "hours": float(hours)})
    paid = paid.drop(index=range(72 // hours, 120 // hours))
    times = pd.date_range("2021-12-31", periods=150, freq="3h", tz="UTC")
    found = at(paid, times)
    assert found.isna().any(axis=1).sum() > 8
    for now, row in found.iterrows():
        seen = paid[(paid["known_time"] <= now) & (paid["known_time"] > now - pd.Timedelta(hours=24))]
        if seen.empty:
            assert row.isna().all()
            continue
        assert row["funding_level"] == pytest.approx(seen["rate"].iloc[-1] / hours * 8760, rel=1e-12)
        assert row["funding_mean_24h"] == pytest.approx(seen["rate"].mean() / hours * 8760, rel=1e-12)


def test_a_settlement_counts_by_the_hours_that_it_covers():
    when = pd.DatetimeIndex(["2022-01-01 00:00", "2022-01-01 08:00"], tz="UTC")
    paid = pd.DataFrame({"known_time": when, "rate": [1e-4, 3e-4], "hours": [8.0, 4.0]})
    found = at(paid, when + pd.Timedelta(hours=1))
    np.testing.assert_allclose(found, [[0.1095, 0.1095], [0.657, 0.292]], rtol=1e-12)
