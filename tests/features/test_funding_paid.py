"""Funding that falls due between decisions."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.domain.stream_terms import Terms
from pipeline.features.funding_paid import funding_paid
from pipeline.ingest.formats.catalogue import read
from pipeline.ingest.raw_stream import RawStream

DAY = "2022-01-01"
OPENED = pd.Timestamp(DAY, tz="UTC").value
MINUTE = 60 * 10**9
TIMES = OPENED + np.arange(1, 24 * 60) * MINUTE


def history(*hours, venue="binance"):
    when = pd.Timestamp(DAY, tz="UTC") + pd.to_timedelta(list(hours), unit="h")
    rates = 1e-4 * (1 + np.arange(len(hours)))
    return pd.DataFrame({"event_time": when, "rate": rates, "hours": 8.0, "venue": venue})


def test_a_settlement_falls_to_the_decision_that_ends_its_interval():
    paid = funding_paid(DAY, history(0, 8, 16), TIMES, OPENED, TIMES[-1])
    assert {place: paid[place] for place in np.flatnonzero(paid)} == {479: 2e-4, 959: pytest.approx(3e-4)}


def test_a_stamp_that_is_late_is_paid_by_who_held_at_the_settlement(tmp_path):
    """Binance's own stamps of 2022-01-05, in UTC+3: what ends at 08:00 pays, what begins then does not."""
    path = tmp_path / "BTC-USDT_binance.csv"
    stamps = ("2022-01-05 03:00:00.001", "2022-01-05 11:00:00.017", "2022-01-05 19:00:00.000")
    rows = "".join(
        f"BTC-USDT,{stamp},{rate}\n" for stamp, rate in zip(stamps, (1e-4, 2e-4, 3e-4), strict=True)
    )
    path.write_text(f"Symbol,Date,Funding Rate\n{rows}")
    (found,) = read(RawStream(str(path)), Terms())
    table = found.rows.to_pandas()
    opened = pd.Timestamp("2022-01-05", tz="UTC").value
    times = opened + np.arange(1, 24 * 60) * MINUTE
    paid = funding_paid("2022-01-05", table, times, opened, times[-1])
    assert {place: paid[place] for place in np.flatnonzero(paid)} == {479: 2e-4, 959: 3e-4}
    known = table["known_time"] - table["event_time"]
    assert (known / pd.Timedelta("1ms")).tolist() == [1.0, 17.0, 0.0]


def test_two_settlements_in_one_interval_are_added():
    paid = funding_paid(
        DAY,
        history(0, 4, 8, 12, 16, 20),
        OPENED + np.array([600, 1200]) * MINUTE,
        OPENED,
        OPENED + 1200 * MINUTE,
    )
    np.testing.assert_allclose(paid, [2e-4 + 3e-4, 4e-4 + 5e-4 + 6e-4])


@pytest.mark.parametrize(("hours", "by"), [((0, 16), "08:00"), ((0, 8), "16:00"), ((16,), "08:00")])
def test_a_rate_that_is_not_known_is_not_nought(hours, by):
    with pytest.raises(DataError, match=f"{DAY}: no funding of the perpetual is known by {by} UTC"):
        funding_paid(DAY, history(*hours), TIMES, OPENED, TIMES[-1])


def test_a_day_that_is_not_over_has_no_rate_of_later_settlements_yet():
    paid = funding_paid(DAY, history(0, 8), TIMES, OPENED, OPENED + 959 * MINUTE)
    assert np.flatnonzero(paid).tolist() == [479]


def test_the_funding_is_of_one_venue():
    both = pd.concat([history(0, 8, 16), history(0, 8, 16, venue="bybit")])
    with pytest.raises(DataError, match="funding of binance and bybit: name the file of one venue"):
        funding_paid(DAY, both, TIMES, OPENED, TIMES[-1])
