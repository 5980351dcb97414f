"""A day that was stored again under another date is told; a quiet market that repeats itself is not."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.intraday_desk import MarketFiles
from pipeline.ingest.day_copies import FIRST, beginning, copied_days
from pipeline.ingest.market_days import _Told, content_of, load_days
from pipeline.ingest.market_tables import batch, padded
from tests.market_ticks import write

ZONE = "America/New_York"
MOVING = 9.0 + np.arange(FIRST) % 7


def trades(day, prices=MOVING, late=0):
    times = np.datetime64(f"{day}T15:00", "ns") + np.arange(len(prices)) * np.timedelta64(1, "s") + late
    rest = {"size": 1.0, "side": 0, "trade_id": 0, "venue": "", "condition": ""}
    times = {"event_time": times, "known_time": times, "source_row": np.arange(len(prices))}
    return [batch("trades", times | {"price": prices} | rest).rows]


def test_days_begin_alike_where_rows_and_times_of_the_day_are_one():
    first = beginning("trades", trades("2020-03-02"), ZONE)
    assert first != ""
    assert beginning("trades", trades("2020-03-03"), ZONE) == first
    assert beginning("trades", trades("2020-03-03", np.append(MOVING, 5.0)), ZONE) == first, "it goes on"
    assert beginning("trades", trades("2020-03-03", late=1), ZONE) != first
    assert beginning("trades", trades("2020-03-03", MOVING[::-1]), ZONE) != first
    assert beginning("trades", trades("2020-03-09"), ZONE) != first, "an hour later by the clock"


@pytest.mark.parametrize("prices", [MOVING[:-1], np.full(FIRST, 9.0), np.where(MOVING > 14.0, 8.0, 9.0)[:99]])
def test_few_rows_or_changes_tell_nothing(prices):
    assert beginning("trades", trades("2020-03-02", prices), ZONE) == ""


def test_books_are_compared_by_their_levels():
    def books(day, best):
        levels = dict.fromkeys(("bid_price", "bid_size", "ask_price", "ask_size"), padded(best[:, None]))
        rest = {"sequence": 0, "trusted": True, "levels": 1}
        times = {name: trades(day)[0].column(name) for name in ("event_time", "known_time", "source_row")}
        return [batch("book", times | levels | rest).rows]

    first = beginning("book", books("2020-03-02", MOVING), ZONE)
    assert beginning("book", books("2020-03-03", MOVING), ZONE) == first != ""
    assert beginning("book", books("2020-03-03", MOVING + 1.0), ZONE) != first


def test_a_run_names_the_first_copy_and_counts_the_others(tmp_path):
    days = pd.date_range("2020-03-02", periods=4)
    lines = [f"{34_200_000 + 7 * row},{100_000 + row % 9},100,Q,1,0" for row in range(FIRST)]
    for day in days:
        write(tmp_path, day, "trade", lines if day != days[1] else [*lines[1:], lines[-1]])
    data = MarketFiles(instrument="XYZ", files=["*.zip"], folder=tmp_path)
    notes = load_days(data, ZONE, content_of(data))["notes"]["note"].tolist()
    assert notes[1] == (
        f"20200304_trade.zip: 2020-03-04 begins as 2020-03-02 does in 20200302_trade.zip, {FIRST} rows of "
        "trades alike to the nanosecond of the day: is it a copy under another date? "
        "1 more begin as another day"
    )
    assert len(notes) == 2


def test_several_files_of_one_day_are_no_copies_of_it():
    rows = [("2020-03-02", "trades", name, "hash") for name in ("a", "b")]
    assert copied_days(pd.DataFrame(rows, columns=["day", "table", "file", "begins"])) == []


def test_what_is_remembered_of_a_day_does_not_hold_the_part_that_it_came_in():
    (rows,) = trades("2020-03-02", np.arange(1.0, 100_000.0))
    (kept,) = _Told().after(rows).first
    assert kept.equals(rows.slice(0, FIRST))
    assert kept.column("price").buffers()[1].size < 100 * FIRST
    assert _Told().after(rows.slice(0, 9)).after(rows).first[1].num_rows == FIRST - 9
