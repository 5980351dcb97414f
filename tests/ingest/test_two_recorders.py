"""One stream told by two recorders with clocks of their own, against streams that only look alike."""

import numpy as np
import pandas as pd
import pytest

from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import MarketFiles
from pipeline.ingest.market_days import content_of, load_days
from pipeline.ingest.two_recorders import COMPARED, FEWEST, ONE_STREAM, RUN, shared_runs

BEGIN = 1_583_157_600_000_000
QUOTES = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
WALK = np.random.default_rng(3).integers(1, 50, 300)


def stamped(late=0, seed=0):
    """Return times a tenth of a second apart, each late by a recorder's own few milliseconds."""
    own = np.random.default_rng(seed).integers(0, 5_000, len(WALK))
    return BEGIN + 100_000 * np.arange(len(WALK)) + own + late


def quotes(times, sizes=WALK):
    rows = zip(times, sizes, strict=True)
    return QUOTES + "".join(f"v,XYZ,{at},{at},{size},21,20,7\n" for at, size in rows)


def trades(times, sizes=WALK):
    rows = zip(times, sizes, strict=True)
    return TRADES + "".join(f"v,XYZ,{at},{at},,buy,20,{size}\n" for at, size in rows)


def traded(times, sizes=WALK, **others):
    known = pd.to_datetime(times, unit="us", utc=True)
    columns = {"known_time": known, "price": 20.0, "size": sizes, "venue": "v", "trade_id": 0}
    return pd.DataFrame(columns | others)


@pytest.fixture
def load(tmp_path):
    """Return a function that writes files and returns the rows of their days."""

    def run(**files):
        for name, content in files.items():
            (tmp_path / f"{name}.csv").write_text(content)
        data = MarketFiles(instrument="XYZ", files=["*.csv"], folder=tmp_path)
        tables = load_days(data, "UTC", content_of(data))
        assert tables["held"].empty
        return int(tables["days"]["rows"].sum())

    return run


@pytest.mark.parametrize(("write", "table"), [(quotes, "quotes"), (trades, "trades")])
def test_two_recorders_of_one_market_are_one_error_that_names_both(load, write, table):
    with pytest.raises(DataError, match=rf"a\.csv and b\.csv: tell the same {table} of 2020-03-02 one after"):
        load(a=write(stamped()), b=write(stamped(late=40_000, seed=1)))


@pytest.mark.parametrize("write", [quotes, trades])
@pytest.mark.parametrize(
    "other",
    [
        lambda: (stamped(late=40_000, seed=1), WALK[::-1]),
        lambda: (stamped() + 60_000_000, WALK),
        lambda: (stamped(late=29_999_000), WALK),
    ],
    ids=["another stream", "a later stretch", "files that meet"],
)
def test_other_files_both_count(load, write, other):
    assert load(a=write(stamped()), b=write(*other())) == 2 * len(WALK)


@pytest.mark.parametrize("sizes", [np.full(300, 5), np.tile([5, 6], 150), np.tile(WALK[:10], 30)])
def test_a_quiet_market_says_nothing(load, sizes):
    assert load(a=quotes(stamped(), sizes), b=quotes(stamped(late=40_000, seed=1), sizes)) == 600


def test_a_stream_of_which_both_lost_a_tenth_is_still_one():
    kept = [np.random.default_rng(seed).random(len(WALK)) > 0.1 for seed in (4, 5)]
    files = [
        traded(stamped(seed=place)[rows], WALK[rows], venue=str(place)) for place, rows in enumerate(kept)
    ]
    assert shared_runs(*files, COMPARED["trades"]) > ONE_STREAM


def test_trades_known_to_be_one_by_their_id_are_left_out():
    numbers = np.arange(1, len(WALK) + 1)
    one, other = traded(stamped(), trade_id=numbers), traded(stamped(late=9), trade_id=numbers)
    assert shared_runs(one, other, COMPARED["trades"]) == 0.0
    assert shared_runs(one, other.assign(venue="w"), COMPARED["trades"]) > 0.99
    assert shared_runs(one, other.assign(trade_id=0), COMPARED["trades"]) > 0.99


def test_a_short_stretch_is_not_judged():
    enough = FEWEST + RUN - 1
    sizes = np.arange(1.0, enough + 1)
    times = stamped()[:enough]
    found = [
        shared_runs(
            traded(times[:rows], sizes[:rows]), traded(times[:rows], sizes[:rows]), COMPARED["trades"]
        )
        for rows in (enough - 1, enough)
    ]
    assert found == [0.0, 1.0]
