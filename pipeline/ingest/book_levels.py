"""Books of the best levels from the lists of [price, size] pairs that venues send."""

import numpy as np
from numpy.typing import NDArray

from pipeline.ingest.json_tokens import Pairs
from pipeline.ingest.largest_worth import too_large
from pipeline.ingest.market_tables import LEVELS


def whole_books(bids: Pairs, asks: Pairs, lines: int) -> NDArray[np.bool_]:
    """Return [lines] whether the lists of a line are pairs of price and size, and one is not empty."""
    levels = sum(np.bincount(pairs.line, minlength=lines) for pairs in (bids, asks))
    return whole_pairs(bids, asks, lines) & (levels > 0)


def whole_pairs(bids: Pairs, asks: Pairs, lines: int) -> NDArray[np.bool_]:
    """Return [lines] whether the lists of a line, which may be empty, are pairs of price and size."""
    broken = bids.odd | asks.odd
    for pairs in (bids, asks):
        bad = ~((pairs.first > 0.0) & (pairs.second >= 0.0)) | too_large(pairs.first, pairs.second)
        broken |= np.bincount(pairs.line, bad, minlength=lines) > 0
    return ~broken


def book_columns(books: NDArray[np.int64], bids: Pairs, asks: Pairs) -> dict[str, NDArray[np.generic]]:
    """Return the levels of the lines that are `books` as columns of the table `book`; crossed is not trusted.

    Examples
    --------
    >>> from pipeline.ingest.json_tokens import tokens
    >>> found = tokens(b'{"bids":[["9","1"],["8","2"]],"asks":[["10","3"]]}', stamped=False)
    >>> columns = book_columns(np.array([0]), found.pairs("bids"), found.pairs("asks"))
    >>> columns["bid_price"][0, :2].tolist(), columns["levels"].tolist(), columns["trusted"].tolist()
    ([9.0, 8.0], [2], [True])
    """
    columns: dict[str, NDArray[np.generic]] = {}
    best, levels = {}, np.zeros(len(books), dtype=np.int64)
    for name, pairs in (("bid", bids), ("ask", asks)):
        row = np.searchsorted(books, pairs.line)
        ours = (row < len(books)) & (books[np.minimum(row, len(books) - 1)] == pairs.line)
        row = row[ours]
        count = np.bincount(row, minlength=len(books))
        place = np.arange(len(row)) - (np.cumsum(count) - count)[row]
        shown = place < LEVELS
        levels = np.maximum(levels, count)
        for what, values in (("price", pairs.first), ("size", pairs.second)):
            ladder = np.full((len(books), LEVELS), np.nan)
            ladder[row[shown], place[shown]] = values[ours][shown]
            columns[f"{name}_{what}"] = ladder
            best[name, what] = ladder[:, 0]
    trusted = ~(best["bid", "price"] >= best["ask", "price"])
    return columns | {"levels": np.minimum(levels, LEVELS), "trusted": trusted}
