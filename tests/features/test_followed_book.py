"""A book that is followed a part at a time: what is looked at has the bits of all rows at once."""

import numpy as np
import pandas as pd
import pytest

from pipeline.features import followed_book
from pipeline.features.book import BOOK_SHAPE
from pipeline.features.book_at import best_of, book_at
from pipeline.features.event_feature import EventRows
from pipeline.features.event_stream import over
from pipeline.features.followed_book import (
    FollowedBook,
    ToldBook,
    best_quotes,
    best_rows,
    over_book,
    standing,
)
from pipeline.features.microprice import MICROPRICE
from pipeline.ingest.market_tables import ADD, CLEAR, DELETE, LAST
from pipeline.orderbook.checkpoint_table import checkpoint_table
from pipeline.orderbook.events import BookEvents
from pipeline.orderbook.order_book import BookRows, OrderBook
from tests.peak_memory import peak_memory


def orders(count, seed=1, start=0):
    """Orders that are added and deleted, several of one instant; every thousandth row voids the book."""
    rng = np.random.default_rng(seed)
    number = np.arange(start, start + count)
    side = rng.choice([-1, 1], count)
    price = 100.0 - side * rng.integers(1, 400, count) / 10.0
    size = rng.integers(1, 9, count).astype(float)
    back = rng.integers(1, 60, count)
    gone = (np.arange(count) > 100) & (rng.random(count) < 0.45)
    first = np.clip(np.arange(count) - back, 0, None)
    kind = np.where(gone & ~gone[first], DELETE, ADD)
    own = np.where(kind == DELETE, number[first], number) + 1
    price, size, side = (np.where(kind == DELETE, each[first], each) for each in (price, size, side))
    kind[::1_000] = CLEAR
    known = np.int64(10**18) + 10**9 * (number // 3)
    return BookEvents(
        known, known, number, number * 0, kind.astype(np.int8), np.full(count, LAST, np.int8),
        np.where(kind == CLEAR, 0, side).astype(np.int8), price, size, own,
    )  # fmt: skip


@pytest.fixture(params=[50, 333])
def part(request, monkeypatch):
    monkeypatch.setattr(followed_book, "PART", request.param)


@pytest.fixture
def books():
    """The same book a part at a time, and all its rows; it goes on from an opening one."""
    events, before = orders(1_000), OrderBook(followed_book.LEVELS_FOLLOWED)
    before.changes(events[:300])
    opening = checkpoint_table(before)
    rows = BookRows.joined([before.now(np.array([before.known])), before.changes(events[300:])])
    return FollowedBook(events[300:], opening), rows


def test_parts_are_the_rows_of_the_whole_and_cut_no_instant(part, books):
    followed, rows = books
    parts = list(followed.parts())
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate([each.columns for each in parts]), rows.columns)
    ends = [each.known_time[-1] for each in parts[:-1]]
    assert all(end < each.known_time[0] for end, each in zip(ends, parts[1:], strict=True))


def test_what_stood_at_an_instant_is_what_all_rows_say(part, books):
    followed, rows = books
    times = np.random.default_rng(3).permutation(rows.known_time[0] + 10**8 * np.arange(-50, 4_000, 7))
    found, whole = book_at(standing(followed, times), times, 2.0), book_at(rows, times, 2.0)
    for name, values in vars(whole).items():
        np.testing.assert_array_equal(getattr(found, name), values)
    assert len(standing(followed, times)) <= len(times) + len(list(followed.parts())) + 1


def test_features_of_the_book_have_the_bits_of_one_pass(part, books):
    followed, rows = books
    tables = {"book": EventRows(rows.known_time, rows.columns)}
    features = [BOOK_SHAPE, MICROPRICE.fitted(tables)]
    times = np.sort(np.r_[rows.known_time[::9], rows.known_time[0] + 10**8 * np.arange(-50, 4_000, 7)])
    for values, feature in zip(over_book(features, followed, times), features, strict=True):
        np.testing.assert_array_equal(values, over(feature, tables, times))
    best = best_rows(followed)
    np.testing.assert_array_equal(
        MICROPRICE.fitted({"book": best}).parameters, MICROPRICE.fitted(tables).parameters
    )
    pd.testing.assert_frame_equal(best_quotes(followed), best_of(rows), check_exact=True)


def test_a_book_as_its_venue_tells_it_comes_in_parts_too(part, books):
    _, rows = books
    told = ToldBook(rows.batch().rows.to_pandas())
    depth = followed_book.LEVELS_FOLLOWED
    found = np.concatenate([each.columns for each in told.parts()])
    np.testing.assert_array_equal(found[:, 2 : 2 + depth], rows.columns[:, 2 : 2 + depth])


def test_a_book_without_events_says_nothing():
    nothing = FollowedBook(orders(3)[:0], None)
    assert len(best_quotes(nothing)) == len(best_rows(nothing)) == len(standing(nothing, np.array([1]))) == 0
    (values,) = over_book([BOOK_SHAPE], nothing, np.array([1, 2]))
    assert np.isnan(values[:, 0]).all()


def test_memory_does_not_grow_with_the_messages_of_a_day(monkeypatch):
    monkeypatch.setattr(followed_book, "PART", 1_000)
    short, long = (FollowedBook(orders(count), None) for count in (3_000, 30_000))

    def looked(book):
        times = np.int64(10**18) + 10**9 * np.arange(0, 900, 30)
        return lambda: (standing(book, times), over_book([BOOK_SHAPE], book, times))

    looked(short)()
    assert peak_memory(looked(long)) < 1.3 * peak_memory(looked(short))
