import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.formats.funding_history import NEWEST_FIRST, SETTLES, assumed
from pipeline.ingest.formats.terms import Terms
from pipeline.ingest.market_tables import QUARANTINE
from pipeline.ingest.raw_stream import RawStream

NAME = "BTC-USDT_{}_2021-01-01_2021-01-11_funding_history.csv"


def stamped(venue, ahead, count=None):
    """Ten days of a venue's settlements, stamped so many hours ahead of UTC."""
    every, first = SETTLES[venue]
    times = pd.date_range(f"2021-01-01 {first:02d}:00", "2021-01-10 23:59", freq=f"{every}h")
    rows = [f"BTC-USDT,{time + pd.Timedelta(hours=ahead)},0.0001" for time in times[:count]]
    return "\n".join(["Symbol,Date,Funding Rate", *rows, ""]).encode()


@pytest.fixture
def funding(tables, tmp_path):
    def run(content, venue="binance", name=NAME, **terms):
        path = tmp_path / name.format(venue)
        path.write_bytes(content)
        return tables(path, **terms)

    return run


@pytest.mark.parametrize("venue", SETTLES)
@pytest.mark.parametrize("ahead", [0, 3, -5, 8, 11])
def test_the_shift_of_a_full_span_is_found_whatever_it_is(funding, venue, ahead):
    table = funding(stamped(venue, ahead), venue)["funding"].to_pandas()
    every, first = SETTLES[venue]
    assert table["event_time"][0] == pd.Timestamp("2021-01-01", tz="UTC") + pd.Timedelta(hours=first)
    assert (table["event_time"].diff().dropna() == pd.Timedelta(hours=every)).all()
    assert set(table["hours"]) == {float(every)}


def test_without_a_span_the_smallest_shift_to_the_venues_hours_is_taken(funding):
    for ahead in (0, 3):
        table = funding(stamped("kucoin", ahead), name="BTC-USDT_kucoin.csv")["funding"].to_pandas()
        assert table["event_time"][0] == pd.Timestamp("2021-01-01 04:00", tz="UTC")


def test_half_a_file_goes_by_the_venues_hours(funding):
    table = funding(stamped("binance", 3, count=12))["funding"].to_pandas()
    assert table["event_time"][0] == pd.Timestamp("2021-01-01", tz="UTC")


def test_hourly_settlements_alone_do_not_tell_and_the_terms_may(funding):
    content = stamped("dydx", 3)
    with pytest.raises(DataError, match="its hours do not tell its time zone: set time_zone"):
        funding(content, name="BTC-USDT_dydx.csv")
    table = funding(content, name="BTC-USDT_dydx.csv", time_zone="Etc/GMT-3")["funding"].to_pandas()
    assert table["event_time"][0] == pd.Timestamp("2021-01-01", tz="UTC")


@pytest.mark.parametrize("ahead", [0, 3])
def test_a_file_whose_newest_row_comes_first_is_read_and_a_run_says_so(funding, tmp_path, ahead):
    head, *rows = stamped("binance", ahead).decode().splitlines()
    rows = [row.replace("0.0001", f"{number}e-6") for number, row in enumerate(rows)]
    upward, downward = ("\n".join([head, *turned, ""]).encode() for turned in (rows, rows[::-1]))
    found = funding(downward)
    assert QUARANTINE not in found
    same = ["event_time", "known_time", "rate"]
    turned = found["funding"].to_pandas()[same][::-1].reset_index(drop=True)
    path = RawStream(str(tmp_path / NAME.format("binance")))
    assert assumed(path, Terms()).endswith("; " + NEWEST_FIRST)
    assert assumed(path, Terms(time_zone="UTC")) == NEWEST_FIRST
    pd.testing.assert_frame_equal(turned, funding(upward)["funding"].to_pandas()[same])
    assert NEWEST_FIRST not in assumed(path, Terms())
    late = funding("\n".join([head, *rows[:-2:-1], rows[2], *rows[-2::-1], ""]).encode())
    assert late[QUARANTINE]["reason"].to_pylist() == ["settlement out of order"]


BAD = {
    "BTC-USDT,2021-01-11 04:30:00,0.0001": "off the hours at which the venue settles",
    "BTC-USDT,2021-01-10 19:00:00.002,0.0001": "duplicate: its settlement has been",
    "BTC-USDT,2021-01-09 19:00:00,0.0001": "settlement out of order",
    "BTC-USDT,2021-01-11 03:00:00,0.1": "rate over 5 % a period",
    "BTC-USDT,2021-01-11 03:00:00,": "no value: Funding Rate",
    "BTC-USDT,2021-02-30 03:00:00,0.0001": "not a time of 1990 to 2100: Date",
    "ETH-USDT,2021-01-11 03:00:00,0.0001": "another symbol than BTC-USDT",
}


@pytest.mark.parametrize("row", BAD)
def test_a_bad_row_is_held_with_its_line_and_reason(funding, row):
    found = funding(stamped("binance", 3) + row.encode() + b"\n")
    assert found[QUARANTINE]["reason"].to_pylist() == [BAD[row]]
    assert found[QUARANTINE]["source_row"].to_pylist() == [32]
    assert found["funding"].num_rows == 30


def test_a_file_in_per_cent_is_read_as_such_only_where_the_terms_say_so(funding):
    """Gate's largest payment, .375 %, stays in the file whatever its unit."""
    rates = [1e-4] * 28 + [3.75e-3, -3e-3]
    lines = stamped("gate", 0).decode().replace(",0.0001", ",{}")
    fractions, per_cent = (lines.format(*(scale * rate for rate in rates)).encode() for scale in (1, 100))
    np.testing.assert_allclose(funding(fractions, "gate")["funding"]["rate"], rates)
    with pytest.raises(
        DataError, match=r"half of its rates are over 0\.01: are they in per cent\? Set rate_unit"
    ):
        funding(per_cent, "gate")
    read = funding(per_cent, "gate", rate_unit="percent")
    np.testing.assert_allclose(read["funding"]["rate"], rates)
    assert QUARANTINE not in read
    loud = lines.format(*(20 * rate for rate in rates)).encode()
    assert funding(loud, "gate", rate_unit="fraction")["funding"].num_rows == 28


def test_an_unknown_venue_is_one_clear_error(funding):
    with pytest.raises(DataError, match="of which venue"):
        funding(stamped("binance", 0), "nowhere")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_whatever_is_wrong_every_line_is_a_row_or_held(survives, seed):
    survives(seed, NAME.format("binance"), stamped("binance", 3), "funding_history")


AHEAD = {
    "binance": 3, "bybit": 3, "dydx": 0, "gate": 0, "htx": 3, "kucoin": 3, "mexc": 3,
}  # fmt: skip


def test_real_files_are_stamped_as_found_and_rows_are_what_a_plain_loop_reads(shared, tables):
    files = sorted((shared / "funding").glob("*.csv"))
    assert len(files) == 8
    for path in files:
        venue = path.name.split("_")[1]
        found = tables(path)
        held = found[QUARANTINE].to_pandas() if QUARANTINE in found else pd.DataFrame({"source_row": []})
        refused = set(held["source_row"])
        assert len(held) == (7 if venue == "htx" else 0)
        with path.open() as lines:
            rows = [row for line, row in enumerate(csv.DictReader(lines), 2) if line not in refused]
        table = found["funding"].to_pandas()
        np.testing.assert_array_equal(table["rate"], [float(row["Funding Rate"]) for row in rows])
        stamps = pd.to_datetime([row["Date"] for row in rows], format="ISO8601", utc=True)
        known, settled = (pd.DatetimeIndex(table[name]) for name in ("known_time", "event_time"))
        assert (pd.DatetimeIndex(stamps) - known == pd.Timedelta(hours=AHEAD[venue])).all()
        late = known - settled
        assert (late.min(), late.max()) == (
            pd.Timedelta(0),
            pd.Timedelta(milliseconds=47 if venue == "binance" else 0),
        )
        assert (settled == settled.floor("h")).all()
