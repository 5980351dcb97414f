"""Random events of the canonical tables, with ties in time, one-sided and crossed rows."""

import numpy as np

from pipeline.features.event_feature import EventRows

START = 1_560_000_000_000_000_000
DEPTH = 6
BOOK = ("bid_price", "bid_size", "ask_price", "ask_size")


def known_times(rng, length, slower=1):
    """Times that often coincide, seconds and minutes apart at most, or so many times slower."""
    gaps = rng.choice([0, 1, 10**6, 3 * 10**8, 5 * 10**9], length, p=[0.3, 0.1, 0.3, 0.25, 0.05])
    return START + np.cumsum(slower * gaps * rng.integers(1, 4, length))


def mids(rng, length):
    return 100.0 + 0.01 * np.cumsum(rng.integers(-2, 3, length))


def quotes(rng, length):
    spread = 0.01 * rng.integers(-1, 6, length)
    middle = np.round(mids(rng, length), 2)
    columns = np.c_[middle, rng.lognormal(size=length), middle + spread, rng.lognormal(size=length)]
    columns[rng.random(length) < 0.03, 2:] = np.nan
    columns[rng.random(length) < 0.03, :2] = np.nan
    return columns


def trades(rng, length):
    return np.c_[mids(rng, length), rng.lognormal(size=length), rng.choice([-1.0, 0.0, 1.0], length)]


def book(rng, length):
    """`trusted`, `levels`, then bid prices, bid sizes, ask prices and ask sizes of `DEPTH` levels."""
    middle = mids(rng, length)[:, None]
    steps = 0.01 * np.cumsum(rng.integers(1, 4, (2, length, DEPTH)), axis=2)
    sizes = rng.lognormal(size=(2, length, DEPTH))
    short = rng.random((2, length)) < 0.05
    ends = np.where(short, rng.integers(0, DEPTH, (2, length)), DEPTH)[..., None] <= np.arange(DEPTH)
    prices = np.where(ends, np.nan, np.stack([middle - steps[0], middle + steps[1]]))
    sizes = np.where(ends, np.nan, sizes)
    flags = np.c_[(rng.random(length) > 0.05).astype(float), np.full(length, float(DEPTH))]
    return np.concatenate([flags, prices[0], sizes[0], prices[1], sizes[1]], axis=1)


def daily(rng, length):
    """Days that come once a day, late, or again with another value."""
    latest = 18_000 + np.cumsum(rng.random(length) < 0.5)
    late = np.where(rng.random(length) < 0.3, rng.integers(0, 40, length), 0)
    return np.c_[latest - late, np.exp(0.1 * np.cumsum(rng.standard_normal(length)))]


def topics(rng, length):
    return rng.integers(-1, 10, (length, 1)).astype(float)


def social(rng, length):
    """Messages of a few authors, some unknown, some without a score."""
    author = np.where(rng.random(length) < 0.1, np.nan, rng.integers(0, 9, length))
    score = np.where(rng.random(length) < 0.3, np.nan, rng.standard_normal(length))
    return np.c_[author, rng.integers(1, 5, length), score]


def fills(rng, length):
    price = mids(rng, length)
    told = np.where(rng.random(length) < 0.5, price - 0.01, np.nan)
    side, size = rng.choice([-1.0, 1.0], length), rng.lognormal(size=length)
    return np.c_[side, size, price, rng.normal(0.01, 0.01, length), told]


def positions(rng, length):
    return np.c_[rng.integers(-9, 10, length), np.where(rng.random(length) < 0.5, mids(rng, length), np.nan)]


def limits(rng, length):
    return np.c_[rng.integers(0, 3, length), 100.0 * rng.lognormal(size=length)]


def cost_forecasts(rng, length):
    return rng.lognormal(size=(length, 1))


def funding(rng, length):
    return np.c_[rng.normal(0.0, 1e-4, length), rng.choice([1.0, 8.0], length)]


TABLES = {
    "quotes": (quotes, ("bid_price", "bid_size", "ask_price", "ask_size")),
    "trades": (trades, ("price", "size", "side")),
    "book": (book, ("trusted", "levels", *BOOK)),
    "news_sentiment": (daily, ("day", "value")),
    "network_fees": (daily, ("day", "value")),
    "headline_topics": (topics, ("topic",)),
    "social": (social, ("author", "count", "score")),
    "fills": (fills, ("side", "size", "price", "fee", "mid")),
    "positions": (positions, ("quantity", "price")),
    "limits": (limits, ("kind", "value")),
    "cost_forecasts": (cost_forecasts, ("cost_bps",)),
    "funding": (funding, ("rate", "hours")),
    "spot_quotes": (quotes, ("bid_price", "bid_size", "ask_price", "ask_size")),
    "perpetual_quotes": (quotes, ("bid_price", "bid_size", "ask_price", "ask_size")),
}
"""What can be drawn: a table and the names of its columns."""
SLOWER = {"social": 1000, "funding": 10_000}
"""How much longer the gaps are in a table whose features look back over days."""


def events(source, seed, length):
    """Rows for one source of a feature."""
    rng = np.random.default_rng([seed, *source.table.encode()])
    known_time = known_times(rng, length, SLOWER.get(source.table, 1))
    draw, names = TABLES[source.table]
    drawn = draw(rng, length)
    if source.columns == names:
        return EventRows(known_time, drawn)
    return EventRows(known_time, drawn[:, [names.index(name) for name in source.columns]])
