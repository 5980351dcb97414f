"""Canonical tables of market data as it happens: what every format must deliver, screened row by row.

Times are UTC to the nanosecond: `event_time` when it happened at the venue, `known_time` when the desk could
know it. `source_row` is the line (or record) of the file, so that every row can be traced. Prices are in
money a unit, sizes in units of the instrument, rates and volatilities decimal.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.domain.errors import DataError
from pipeline.ingest.largest_worth import TOO_LARGE, too_large

INSTANT: Final = pa.timestamp("ns", "UTC")
TIMES: Final = (("event_time", INSTANT), ("known_time", INSTANT), ("source_row", pa.int64()))
BUY, SELL, UNKNOWN_SIDE = 1, -1, 0

LEVEL, ADD, CHANGE, DELETE, CLEAR, REPORTED, START = 0, 1, 2, 3, 4, 5, 6
"""Kinds of book events: a level's new total size (0 removes it); an order added, changed to a new size (and
price), deleted; everything on the book is void (a snapshot follows, or nothing is known); a level's total as
a snapshot without orders tells it to a book of orders, where none between it and the one before is; a file
begins that goes on with a book (see `start`), or ends and nothing may go on with it (see `broken_end`)."""

WITHOUT_LEVEL: Final = (CLEAR, START)
"""Kinds of events that tell of no level and no order."""

LAST, SNAPSHOT, GAP = 1, 2, 4
"""Flags of book events, added up: the last of its message (only after it is the book whole); part of a
snapshot; something before it is missing, so that the book cannot be trusted until the next snapshot."""

LEVELS: Final = 25
"""Levels of each side in a row of `book`, the best first."""

AGGREGATE: Final = "aggregate"
"""Condition of a trade that joins those of one order at one price, with an id of its own kind."""

QUARANTINE: Final = "quarantine"


def _table(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in (*TIMES, *columns)])


NUMBER, TEXT, COUNT, SIDE, FLAG, DAY = (
    pa.float64(),
    pa.string(),
    pa.int64(),
    pa.int8(),
    pa.bool_(),
    pa.date32(),
)
LADDER: Final = pa.list_(pa.field("level", NUMBER), LEVELS)

SCHEMAS: Final[Mapping[str, pa.Schema]] = {
    "book_events": _table(
        ("sequence", COUNT), ("kind", SIDE), ("flags", SIDE), ("side", SIDE),
        ("price", NUMBER), ("size", NUMBER), ("order_id", COUNT),
    ),
    "book": _table(
        ("sequence", COUNT), ("trusted", FLAG), ("levels", SIDE),
        ("bid_price", LADDER), ("bid_size", LADDER), ("ask_price", LADDER), ("ask_size", LADDER),
    ),
    "trades": _table(
        ("price", NUMBER), ("size", NUMBER), ("side", SIDE), ("trade_id", COUNT), ("venue", TEXT),
        ("condition", TEXT),
    ),
    "quotes": _table(
        ("bid_price", NUMBER), ("bid_size", NUMBER), ("ask_price", NUMBER), ("ask_size", NUMBER),
        ("venue", TEXT),
    ),
    "option_quotes": _table(
        ("underlying", TEXT), ("root", TEXT), ("expiry", DAY), ("settlement", TEXT), ("exercise", TEXT),
        ("right", SIDE), ("strike", NUMBER), ("bid", NUMBER), ("ask", NUMBER), ("bid_size", NUMBER),
        ("ask_size", NUMBER), ("volume", NUMBER), ("open_interest", NUMBER), ("underlying_price", NUMBER),
        ("vendor_vol", NUMBER), ("vendor_delta", NUMBER), ("vendor_gamma", NUMBER),
        ("vendor_theta", NUMBER), ("vendor_vega", NUMBER),
    ),
    "funding": _table(("venue", TEXT), ("rate", NUMBER), ("hours", NUMBER), ("mark_price", NUMBER)),
    "alternative": _table(
        ("series", TEXT), ("value", NUMBER), ("vintage", DAY), ("pseudo_vintage", FLAG),
    ),
    "headlines": _table(("source", TEXT), ("text", TEXT)),
    "social": _table(("author", TEXT), ("text", TEXT), ("count", NUMBER)),
    "positions": _table(("instrument", TEXT), ("quantity", NUMBER), ("price", NUMBER)),
    "fills": _table(
        ("instrument", TEXT), ("side", SIDE), ("size", NUMBER), ("price", NUMBER), ("fee", NUMBER),
        ("venue", TEXT), ("order_id", TEXT), ("fill_id", TEXT), ("mid", NUMBER),
    ),
    "limits": _table(("name", TEXT), ("instrument", TEXT), ("value", NUMBER), ("unit", TEXT)),
    QUARANTINE: pa.schema(
        [("table", TEXT), ("file", TEXT), ("source_row", COUNT), ("reason", TEXT), ("text", TEXT)]
    ),
}  # fmt: skip
"""Columns of the canonical tables by name.

`book_events` : `sequence` the venue's update id (0 where it has none), `kind` and `flags` as above, `side`
    1 bid or −1 ask (0 with CLEAR and START), `order_id` 0 where levels and not orders are reported.
`book` : the best levels of each side after all that happened at `event_time`, best first, up to `LEVELS`;
    `levels` how many were looked at: within them NaN says that the side ends there, beyond them nothing is
    known. `trusted` is false where events before it are missing or the book is crossed. `ladder` reads a
    column as [E, LEVELS], `padded` makes one.
`trades` : `side` of the taker: 1 bought, −1 sold, 0 not known; `trade_id` 0 where the source gives none, a
    number made of it where it is no whole number; `condition` the venue's own codes.
`quotes` : the best bid and ask; NaN on a side that has none.
`option_quotes` : `right` 1 call, −1 put; `settlement` "am" or "pm"; `exercise` "european" or "american"; the
    vendor's own figures are kept to be checked against, never to be hedged with; NaN where there are none.
`funding` : `rate` paid by the long side for the period of `hours` that ends at `event_time`.
`alternative` : one value of one series as one vintage had it; `event_time` is the end of what it describes;
    `pseudo_vintage` where the vintage's own date of publication is not recorded but assumed.
`quarantine` : rows that failed a check, with their reason; they stand in no other table.
"""

Rows = Mapping[str, NDArray[Any]]
Fault = Callable[[Rows], NDArray[np.bool_]]


@dataclass(frozen=True)
class Rule:
    """What must not be true of a row, and what to call it."""

    reason: str
    broken: Fault


def _not_above_zero(name: str) -> Rule:
    return Rule(f"{name} not above zero", lambda rows: ~(_of(rows, name) > 0.0) | np.isinf(_of(rows, name)))


def _negative(name: str) -> Rule:
    """A NaN is no fault here: a side or a figure that is not there."""
    return Rule(f"negative {name}", lambda rows: (_of(rows, name) < 0.0) | np.isinf(_of(rows, name)))


def _of(rows: Rows, name: str) -> NDArray[np.float64]:
    return rows[name].astype(np.float64, copy=False)


def _of_level(rows: Rows) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (rows["kind"] != CLEAR) & (rows["kind"] != START)
    return found


_EARLY: Final = Rule("known before it happened", lambda rows: rows["known_time"] < rows["event_time"])
_LEVEL_SIZES: Final = Rule(
    "negative size",
    lambda rows: np.any((_of(rows, "bid_size") < 0.0) | (_of(rows, "ask_size") < 0.0), axis=1),
)
_LEVEL_ORDER: Final = Rule(
    "levels out of order",
    lambda rows: np.any(
        (np.diff(_of(rows, "bid_price"), axis=1) >= 0.0) | (np.diff(_of(rows, "ask_price"), axis=1) <= 0.0),
        axis=1,
    ),
)
_LEVEL_PRICES: Final = Rule(
    "price not above zero",
    lambda rows: np.any((_of(rows, "bid_price") <= 0.0) | (_of(rows, "ask_price") <= 0.0), axis=1),
)


def _too_large(*sides: str) -> Rule:
    return Rule(
        TOO_LARGE,
        lambda rows: np.any(
            [_any_level(too_large(_of(rows, f"{side}price"), _of(rows, f"{side}size"))) for side in sides],
            axis=0,
        ),
    )


def _any_level(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows: NDArray[np.bool_] = np.any(np.atleast_2d(found.T).T, axis=1)
    return rows


_QUOTED: Final = (_negative("bid_size"), _negative("ask_size"))

RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "book_events": (
        _EARLY,
        Rule(
            "price not above zero",
            lambda rows: _of_level(rows) & ~((_of(rows, "price") > 0.0) & np.isfinite(_of(rows, "price"))),
        ),
        Rule(
            "negative size",
            lambda rows: _of_level(rows) & ~((_of(rows, "size") >= 0.0) & np.isfinite(_of(rows, "size"))),
        ),
        _too_large(""),
    ),
    "book": (_EARLY, _LEVEL_PRICES, _LEVEL_SIZES, _LEVEL_ORDER, _too_large("bid_", "ask_")),
    "trades": (_EARLY, _not_above_zero("price"), _not_above_zero("size"), _too_large("")),
    "quotes": (
        _EARLY,
        *_QUOTED,
        _negative("bid_price"),
        _negative("ask_price"),
        _too_large("bid_", "ask_"),
    ),
    "option_quotes": (
        _EARLY,
        _not_above_zero("strike"),
        _negative("bid"),
        _negative("ask"),
        *_QUOTED,
        Rule("crossed quote", lambda rows: _of(rows, "bid") > _of(rows, "ask")),
        Rule(
            "expired before it was quoted",
            lambda rows: rows["expiry"] < rows["event_time"].astype("datetime64[D]"),
        ),
    ),
    "funding": (_EARLY, Rule("rate not finite", lambda rows: ~np.isfinite(_of(rows, "rate")))),
    "alternative": (_EARLY, Rule("value not finite", lambda rows: ~np.isfinite(_of(rows, "value")))),
    "headlines": (_EARLY,),
    "social": (_EARLY, _negative("count")),
    "positions": (_EARLY, Rule("quantity not finite", lambda rows: ~np.isfinite(_of(rows, "quantity")))),
    "fills": (_EARLY, _not_above_zero("price"), _not_above_zero("size"), _too_large("")),
    "limits": (Rule("value not finite", lambda rows: ~np.isfinite(_of(rows, "value"))),),
}
"""What is refused in each table: only what can be seen in one row. What needs the rows before it (a clock
that goes back, a gap of ids) is the reader's to say."""


@dataclass(frozen=True)
class Batch:
    """Some rows of one canonical table, in the order of the file."""

    table: str
    rows: pa.RecordBatch


def batch(table: str, columns: Mapping[str, object]) -> Batch:
    """Return rows of a canonical table from its columns: arrays, lists or one value for all rows.

    Raises
    ------
    DataError
        A column is missing, or one of another name is there.

    Examples
    --------
    >>> one = np.array(["2020-01-01"], "datetime64[ns]")
    >>> batch("headlines", {"event_time": one, "known_time": one, "source_row": [2], "source": "wire",
    ...                     "text": ["Rates held"]}).rows.num_rows
    1
    """
    schema = SCHEMAS[table]
    if set(columns) != set(schema.names):
        odd = sorted(set(columns) ^ set(schema.names))
        raise DataError(
            f"{table}: columns {', '.join(odd)} are missing or unknown: deliver {', '.join(schema.names)}"
        )
    length = next(len(value) for value in columns.values() if _is_column(value))  # type: ignore[arg-type]
    arrays = [_array(columns[field.name], field.type, length) for field in schema]
    return Batch(table, pa.RecordBatch.from_arrays(arrays, schema=schema))


def start(
    event_time: np.datetime64, known_time: np.datetime64, source_row: int, after: int = 0, within: float = 0.0
) -> Batch:
    """Return the row of `book_events` with which a file begins that does not begin with a whole book.

    What was on the book before the file still holds where its last update has the id `after`; where a venue
    has no ids (0), where the last event was known at most `within` seconds before (0: never). Else something
    is missing.

    Parameters
    ----------
    event_time, known_time, source_row : of the first row of the file that is read.
    after : goes to `sequence`.
    within : goes to `size`.

    Examples
    --------
    >>> now = np.datetime64("2020-01-01", "ns")
    >>> start(now, now, 1, after=17).rows.to_pylist()[0]["sequence"]
    17
    """
    return _bound((event_time, known_time, source_row), LAST, after, within)


def broken_end(event_time: np.datetime64, known_time: np.datetime64, source_row: int) -> Batch:
    """Return the row of `book_events` with which a file ends that lost a change after its last one.

    It has the flag GAP: within the file the next event would have it, and that of another file cannot know.

    Parameters
    ----------
    event_time, known_time, source_row : of the last row of the file that is read.
    """
    return _bound((event_time, known_time, source_row), LAST | GAP)


def _bound(
    at: tuple[np.datetime64, np.datetime64, int], flags: int, sequence: int = 0, size: float = 0.0
) -> Batch:
    event_time, known_time, source_row = at
    return batch(
        "book_events",
        {
            "event_time": np.array([event_time]),
            "known_time": np.array([known_time]),
            "source_row": np.array([source_row]),
            "sequence": sequence,
            "kind": START,
            "flags": flags,
            "side": 0,
            "price": np.nan,
            "size": size,
            "order_id": 0,
        },
    )


def _is_column(value: object) -> bool:
    return not isinstance(value, str) and hasattr(value, "__len__")


def _array(value: object, kind: pa.DataType, length: int) -> pa.Array:
    if isinstance(value, pa.Array):
        return value.cast(kind)
    if not _is_column(value):
        return pa.repeat(pa.scalar(value, kind), length)
    if kind == LADDER:
        return pa.FixedSizeListArray.from_arrays(np.ascontiguousarray(value).ravel(), type=LADDER)
    if pa.types.is_timestamp(kind) and isinstance(value, np.ndarray):
        return pa.array(value.astype("datetime64[ns]")).cast(kind)
    return pa.array(value, kind, from_pandas=False)


def padded(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return levels [E, n] as [E, LEVELS]: NaN beyond n, and those beyond `LEVELS` left out.

    Examples
    --------
    >>> padded(np.array([[101.0, 102.0]]))[0, :3]
    array([101., 102.,  nan])
    """
    out = np.full((len(found), LEVELS), np.nan)
    kept = min(found.shape[1], LEVELS)
    out[:, :kept] = found[:, :kept]
    return out


def ladder(rows: pa.RecordBatch, name: str) -> NDArray[np.float64]:
    """Return a column of `book` as [E, LEVELS], without a copy where Arrow allows it.

    Examples
    --------
    >>> now = np.array(["2020-01-01"], "datetime64[ns]")
    >>> side = {"bid_price": [[9.0]], "bid_size": [[1.0]], "ask_price": [[11.0]], "ask_size": [[2.0]]}
    >>> columns = {name: padded(np.array(levels)) for name, levels in side.items()}
    >>> rest = {"event_time": now, "known_time": now, "source_row": [1], "sequence": 0, "trusted": True}
    >>> float(ladder(batch("book", rest | columns | {"levels": 1}).rows, "ask_price")[0, 0])
    11.0
    """
    flat: NDArray[np.float64] = rows.column(name).flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(rows.num_rows, LEVELS)


def held(table: str, file: str, rows: list[tuple[int, str, str]]) -> Batch:
    """Return rows in quarantine, each with its line, the reason and its text."""
    lines, reasons, texts = (list(part) for part in zip(*rows, strict=True)) if rows else ([], [], [])
    columns = {
        "table": [table] * len(rows),
        "file": [file] * len(rows),
        "source_row": lines,
        "reason": reasons,
        "text": texts,
    }
    return batch(QUARANTINE, columns)


def screened(found: Batch, file: str) -> Iterator[Batch]:
    """Yield the sound rows of a batch, and those that break a rule of its table as rows of the quarantine.

    A row has the first reason that applies. No row is dropped: those that come out are those that went in.

    Examples
    --------
    >>> when = np.array(["2020-01-01", "2020-01-02"], "datetime64[ns]")
    >>> rows = {"event_time": when, "known_time": when, "source_row": [1, 2], "price": [1.0, -1.0]}
    >>> rest = {"size": [1.0, 1.0], "side": 0, "trade_id": 0, "venue": "", "condition": ""}
    >>> trades = batch("trades", rows | rest)
    >>> [(each.table, each.rows.num_rows) for each in screened(trades, "t.csv")]
    [('trades', 1), ('quarantine', 1)]
    """
    rules = RULES.get(found.table, ())
    if not found.rows.num_rows or not rules:
        yield found
        return
    rows = {field.name: _values(found.rows, field) for field in found.rows.schema}
    reasons = np.zeros(found.rows.num_rows, dtype=np.int64)
    for number, rule in enumerate(rules, start=1):
        reasons[(reasons == 0) & rule.broken(rows)] = number
    bad = np.flatnonzero(reasons)
    if not len(bad):
        yield found
        return
    yield Batch(found.table, found.rows.filter(pa.array(reasons == 0)))
    texts = found.rows.take(pa.array(bad)).to_pylist()
    yield held(
        found.table,
        file,
        [
            (int(text["source_row"]), rules[reasons[row] - 1].reason, written(text))
            for row, text in zip(bad, texts, strict=True)
        ],
    )


def _values(rows: pa.RecordBatch, field: pa.Field) -> NDArray[Any]:
    if field.type == LADDER:
        return ladder(rows, field.name)
    values: NDArray[Any] = rows.column(field.name).to_numpy(zero_copy_only=False)
    return values


def written(row: Mapping[str, object]) -> str:
    """Return a row as the text that stands for it in quarantine."""
    return ", ".join(f"{name} {value}" for name, value in row.items() if name != "source_row")
