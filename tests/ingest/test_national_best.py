import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.market_tables import QUARANTINE, batch
from pipeline.ingest.national_best import feed_of, national_best

NAN = float("nan")
ROWS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from("QKN"),
        st.sampled_from(["bid", "ask"]),
        st.integers(90, 110),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=30,
)


def quotes(rows):
    """Rows (seconds, venue, side, price, size) as a batch."""
    rows = sorted(rows, key=lambda row: row[0])
    when = np.array([row[0] for row in rows], "int64").astype("datetime64[s]").astype("datetime64[ns]")
    sides = {}
    for side in ("bid", "ask"):
        sides[f"{side}_price"] = [float(row[3]) if row[2] == side else NAN for row in rows]
        sides[f"{side}_size"] = [float(row[4]) if row[2] == side else NAN for row in rows]
    columns = {"event_time": when, "known_time": when, "source_row": range(1, len(rows) + 1)}
    return batch("quotes", {**columns, **sides, "venue": [row[1] for row in rows]})


def best_of(batches, **how):
    found = list(national_best(iter(batches), "q.csv", **how))
    tables = {}
    for each in found:
        tables.setdefault(each.table, []).append(each.rows)
    return {name: pa.Table.from_batches(parts) for name, parts in tables.items()}


def naive(rows, stale_after):
    """The best of each row by looking at all that was said before it."""
    rows = sorted(rows, key=lambda row: row[0])
    out = []
    for end in range(1, len(rows) + 1):
        last = {(venue, side): row for row in rows[:end] for venue, side in [row[1:3]]}
        fresh = [row for row in last.values() if rows[end - 1][0] - row[0] <= stale_after]
        bids, asks = ([row for row in fresh if row[2] == side] for side in ("bid", "ask"))
        bid = max((row[3] for row in bids), default=NAN)
        ask = min((row[3] for row in asks), default=NAN)
        out.append(
            (
                bid,
                ask,
                sum(row[4] for row in bids if row[3] == bid) or NAN,
                sum(row[4] for row in asks if row[3] == ask) or NAN,
            )
        )
    return out


@given(ROWS, st.integers(1, 29), st.sampled_from([5.0, 60.0]))
def test_the_best_over_venues_is_what_a_plain_loop_finds(rows, cut, stale_after):
    whole = quotes(rows)
    parts = [type(whole)("quotes", part) for part in (whole.rows.slice(0, cut), whole.rows.slice(cut))]
    found = best_of(parts, feed="venue", stale_after_seconds=stale_after)
    best = found["quotes"].to_pandas()
    assert len(best) == len(rows)
    odd = found[QUARANTINE]["source_row"].to_pylist() if QUARANTINE in found else []
    for row, (bid, ask, bid_size, ask_size) in enumerate(naive(rows, stale_after)):
        shown = best.loc[row, ["bid_price", "ask_price", "bid_size", "ask_size"]].tolist()
        if bid >= ask:
            assert row + 1 in odd
            assert np.isnan(shown).all()
        else:
            assert row + 1 not in odd
            np.testing.assert_array_equal(shown, [bid, ask, bid_size, ask_size])


def test_a_national_feed_is_known_by_its_pairs_and_gives_one_quote_a_pair():
    rows = [(1, "Q", "bid", 99, 1), (1, "K", "ask", 100, 2), (2, "N", "bid", 98, 3), (2, "K", "ask", 99, 4)]
    whole = quotes(rows)
    assert feed_of(whole.rows) == "national"
    for cut in range(1, 4):
        parts = [type(whole)("quotes", part) for part in (whole.rows.slice(0, cut), whole.rows.slice(cut))]
        best = best_of(parts, feed="national")["quotes"]
        assert best["bid_price"].to_pylist() == [99.0, 98.0]
        assert best["ask_price"].to_pylist() == [100.0, 99.0]
        assert best["ask_size"].to_pylist() == [2.0, 4.0]


def test_in_a_venue_feed_the_same_rows_are_locked():
    rows = [(1, "Q", "bid", 99, 1), (1, "K", "ask", 100, 2), (2, "N", "bid", 98, 3), (2, "K", "ask", 99, 4)]
    found = best_of([quotes(rows)], feed="venue")
    assert found[QUARANTINE]["reason"].to_pylist() == ["locked: the best bid is the best offer"]
    assert found["quotes"]["bid_price"].to_pylist()[-1] != 99.0


def test_one_venue_a_row_without_pairs_is_a_venue_feed():
    rows = [(1, "Q", "bid", 99, 1), (2, "K", "ask", 100, 2), (3, "Q", "bid", 98, 1), (4, "Q", "ask", 101, 1)]
    assert feed_of(quotes(rows).rows) == "venue"


def test_more_venues_than_there_are_is_an_error():
    rows = [(row, str(row), "bid", 99, 1) for row in range(70)]
    with pytest.raises(DataError, match="over 64 venues"):
        best_of([quotes(rows)], feed="venue")


def test_no_quotes_give_no_best():
    assert list(national_best(iter([]), "q.csv")) == []
