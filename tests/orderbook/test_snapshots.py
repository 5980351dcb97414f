"""Snapshots of levels among the events of a log of orders."""

import numpy as np
import pytest

from pipeline.domain.errors import DataError
from pipeline.ingest.market_tables import ADD, LAST, REPORTED, SNAPSHOT, batch, padded
from pipeline.orderbook.order_book import book_rows
from pipeline.orderbook.snapshots import in_order, reported


def orders(rows):
    """A batch of orders added, from (known_time, source_row, side, price, size)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    times = table[:, 0].astype(np.int64).view("datetime64[ns]")
    return batch(
        "book_events",
        {
            "event_time": times, "known_time": times, "source_row": table[:, 1].astype(int), "sequence": 0,
            "kind": ADD, "flags": LAST, "side": table[:, 2].astype(np.int8), "price": table[:, 3],
            "size": table[:, 4], "order_id": table[:, 1].astype(int),
        },
    )  # fmt: skip


def books(rows, levels=2):
    """A batch of books, from (known_time, source_row, bids, asks, trusted) of (price, size) each."""
    times = np.array([row[0] for row in rows]).view("datetime64[ns]")
    columns = {}
    for name, place in (("bid", 2), ("ask", 3)):
        for part, what in enumerate(("price", "size")):
            table = np.full((len(rows), levels), np.nan)
            for number, row in enumerate(rows):
                table[number, : len(row[place])] = [level[part] for level in row[place]]
            columns[f"{name}_{what}"] = padded(table)
    rest = {"event_time": times, "known_time": times, "source_row": [row[1] for row in rows], "sequence": 0}
    return batch("book", rest | columns | {"levels": levels, "trusted": [row[4] for row in rows]})


def test_a_side_that_ends_is_reported_empty_beyond_its_end():
    found = reported(books([(5, 1, [(9, 1)], [(10, 2), (11, 3)], True), (6, 2, [], [(10, 1)], True)]).rows)
    assert found.side.tolist() == [1, 1, -1, -1, 1, -1, -1]
    assert found.size.tolist() == [1, 0, 2, 3, 0, 1, 0]
    assert found.price[[0, 2, 3, 5]].tolist() == [9, 10, 11, 10]
    assert found.flags.tolist() == [SNAPSHOT] * 3 + [SNAPSHOT | LAST] + [SNAPSHOT] * 2 + [SNAPSHOT | LAST]
    assert set(found.kind.tolist()) == {REPORTED}


def test_a_crossed_book_is_no_snapshot():
    assert len(reported(books([(5, 1, [(9, 1)], [(8, 2)], False)]).rows)) == 0


def test_blocks_come_out_in_the_order_of_the_file():
    blocks = [
        orders([(1, 1, 1, 8.0, 1.0), (4, 4, 1, 7.0, 1.0)]),
        books([(2, 2, [(9, 1), (8, 1)], [(10, 2)], True), (6, 6, [(9, 3), (8, 1)], [(10, 1)], True)]),
        orders([(7, 8, -1, 11.0, 4.0)]),
        books([(6, 7, [(9, 2), (8, 1)], [(10, 1)], True)]),
        orders([(8, 9, -1, 12.0, 4.0)]),
    ]
    parts = list(in_order(iter(blocks)))
    rows = np.concatenate([part.source_row for part in parts])
    assert rows.tolist() == sorted(rows.tolist())
    assert set(rows.tolist()) == {1, 2, 4, 6, 7, 8, 9}
    assert len(parts) == 4
    columns = np.concatenate([rows.columns for rows in book_rows(iter(parts), depth=2)])
    np.testing.assert_array_equal(columns[-1], [1, 2, 9, 8, 2, 1, 10, 11, 1, 4])


def test_a_table_out_of_order_is_refused():
    late = [orders([(5, 5, 1, 8.0, 1.0)]), orders([(6, 6, 1, 8.0, 1.0)]), books([(1, 1, [(9, 1)], [], True)])]
    with pytest.raises(DataError, match="book, row 1: earlier than rows before it"):
        list(in_order(iter(late)))
