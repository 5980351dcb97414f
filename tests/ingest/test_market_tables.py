import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import DataError
from pipeline.ingest.market_tables import (
    CLEAR,
    LEVEL,
    QUARANTINE,
    RULES,
    SCHEMAS,
    batch,
    held,
    ladder,
    padded,
    screened,
)


def trades(price, size, known_after=0):
    count = len(price)
    when = np.datetime64("2020-01-01T00:00:00", "ns") + np.arange(count) * np.timedelta64(1, "s")
    columns = {
        "event_time": when,
        "known_time": when + np.timedelta64(known_after, "ns"),
        "source_row": np.arange(1, count + 1),
        "price": np.asarray(price, float),
        "size": np.asarray(size, float),
        "side": 0,
        "trade_id": 0,
        "venue": "x",
        "condition": "",
    }
    return batch("trades", columns)


def test_columns_must_be_those_of_the_table():
    with pytest.raises(DataError, match=r"trades: columns .*price.* are missing or unknown"):
        batch("trades", {"event_time": [], "known_time": []})


@given(st.lists(st.tuples(st.floats(allow_nan=True), st.floats(allow_nan=True)), max_size=20))
def test_every_row_is_sound_or_held_with_a_reason(rows):
    found = trades([row[0] for row in rows], [row[1] for row in rows])
    out = {each.table: each.rows for each in screened(found, "t.csv")}
    kept = out["trades"]["source_row"].to_pylist() if "trades" in out else []
    refused = out[QUARANTINE]["source_row"].to_pylist() if QUARANTINE in out else []
    assert sorted(kept + refused) == list(range(1, len(rows) + 1))
    largest = float("inf")
    good = [i + 1 for i, (p, s) in enumerate(rows) if 0 < p < largest and 0 < s < largest and p * s <= 1e15]
    assert kept == good


def test_a_row_known_before_it_happened_is_held():
    sound, refused = screened(trades([1.0], [1.0], known_after=-1), "t.csv")
    assert sound.rows.num_rows == 0
    assert refused.rows["reason"].to_pylist() == ["known before it happened"]
    assert "price 1.0" in refused.rows["text"][0].as_py()


def test_a_cleared_book_needs_no_price():
    when = np.array(["2020-01-01"] * 2, "datetime64[ns]")
    columns = {
        "event_time": when,
        "known_time": when,
        "source_row": [1, 2],
        "sequence": 0,
        "kind": [CLEAR, LEVEL],
    }
    found = batch(
        "book_events",
        columns | {"flags": 0, "side": [0, 1], "price": [np.nan] * 2, "size": [np.nan] * 2, "order_id": 0},
    )
    sound, refused = screened(found, "b")
    assert sound.rows["kind"].to_pylist() == [CLEAR]
    assert refused.rows["source_row"].to_pylist() == [2]


def test_every_table_has_times_and_rules():
    for name, schema in SCHEMAS.items():
        assert "source_row" in schema.names
        if name != QUARANTINE:
            assert schema.field("event_time").type == pa.timestamp("ns", "UTC")
            assert name in RULES


def test_held_rows_form_a_table_even_if_none():
    assert held("trades", "t.csv", []).rows.num_rows == 0


def book(bids, asks, size=1.0):
    count = len(bids)
    when = np.datetime64("2020-01-01T00:00:00", "ns") + np.arange(count) * np.timedelta64(1, "s")
    sides = {"bid_price": np.asarray(bids, float), "ask_price": np.asarray(asks, float)}
    sizes = {name: np.full((count, sides["bid_price"].shape[1]), size) for name in ("bid_size", "ask_size")}
    return batch(
        "book",
        {"event_time": when, "known_time": when, "source_row": np.arange(1, count + 1), "sequence": 0}
        | {"trusted": True, "levels": sides["bid_price"].shape[1]}
        | {name: padded(values) for name, values in (sides | sizes).items()},
    )


def test_levels_of_a_book_come_back_as_a_matrix_also_of_a_slice():
    bids = np.array([[9.0, 8.0], [7.0, np.nan], [6.0, 5.0]])
    rows = book(bids, bids[:, ::-1] * 0 + [[10.0, 11.0]]).rows
    np.testing.assert_array_equal(ladder(rows, "bid_price")[:, :2], bids)
    assert np.isnan(ladder(rows, "bid_price")[:, 2:]).all()
    np.testing.assert_array_equal(ladder(rows.slice(1, 1), "bid_price")[:, :2], bids[1:2])


def test_only_the_best_levels_are_kept():
    assert padded(np.arange(80.0).reshape(2, 40)).tolist() == [list(range(25)), list(range(40, 65))]


@pytest.mark.parametrize(
    ("bids", "asks", "size", "reason"),
    [
        ([[9.0, 9.5]], [[10.0, 11.0]], 1.0, "levels out of order"),
        ([[9.0, 8.0]], [[10.0, 10.0]], 1.0, "levels out of order"),
        ([[9.0, 0.0]], [[10.0, 11.0]], 1.0, "price not above zero"),
        ([[9.0, 8.0]], [[10.0, 11.0]], -1.0, "negative size"),
    ],
)
def test_a_book_that_cannot_be_is_held(bids, asks, size, reason):
    sound, refused = screened(book(bids, asks, size), "b.csv")
    assert sound.rows.num_rows == 0
    assert refused.rows["reason"].to_pylist() == [reason]


def test_a_book_that_ends_early_is_sound():
    (sound,) = screened(book([[9.0, np.nan]], [[np.nan, np.nan]]), "b.csv")
    assert sound.rows.num_rows == 1
