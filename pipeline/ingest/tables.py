"""Canonical market tables: what every source must deliver, checked before anything reads it.

Time columns: `session` is the trading date (naive midnight), `event_time` when it happened and `known_time`
when we could know it (both UTC). Units: prices in index points, volatilities annual decimals.
"""

from collections.abc import Callable, Mapping
from typing import Final

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaError, SchemaErrorReason

from pipeline.domain.errors import DataError

Tables = dict[str, pd.DataFrame]

PUBLICATION_DELAY: Final = pd.Timedelta(minutes=15)
"""From the session's close until its bar and the volatility index are known: the closing auction prints and
the index is computed a quarter of an hour after the cash close, on half days too."""

SESSION: Final = "datetime64[us]"
INSTANT: Final = pd.DatetimeTZDtype("us", "UTC")
INFINITY: Final = float("inf")
OPTIONAL: Final = ("open", "high", "low", "volume")
"""Columns of bars that a source may not know: then they are NaN in every row, never in some."""

VOL_INDEX_NAMES: Final = ("vix9d", "vix3m", "vvix", "skew")
"""Columns of `vol_indices`, of which a desk gives some: those that it does not give are not there at all."""

REALIZED_NAMES: Final = ("rv", "rq", "rs_plus", "rs_minus")
"""Columns of `realized`, of which a desk gives the first and may give others."""


def _check(holds: Callable[..., pd.Series], fault_and_remedy: str) -> pa.Check:
    return pa.Check(holds, error=fault_and_remedy)


def _increasing() -> pa.Check:
    return _check(
        lambda x: x.diff().isna() | (x.diff() > pd.Timedelta(0)),
        "repeats or precedes the row before it: sort the rows and drop duplicates",
    )


def _time_columns() -> dict[str, pa.Column]:
    midnight = _check(lambda x: x == x.dt.normalize(), "is not a midnight: a session is a date")
    return {
        "session": pa.Column(SESSION, [_increasing(), midnight]),
        "event_time": pa.Column(INSTANT, _increasing()),
        "known_time": pa.Column(INSTANT),
    }


def _price() -> pa.Column:
    return pa.Column(
        float,
        _check(lambda x: (x > 0) & (x < INFINITY), "must be finite and above zero: correct the row"),
    )


def _volatility() -> pa.Check:
    return _check(
        lambda x: (x > 0) & (x < 5), "must be an annual decimal below 5: divide index points by 100"
    )


def _known_after_event() -> pa.Check:
    return _check(
        lambda table: table["known_time"] >= table["event_time"],
        "known_time lies before event_time: nothing is known before it happens, correct the times",
    )


BARS: Final = pa.DataFrameSchema(
    {
        **_time_columns(),
        "open": _price(),
        "high": _price(),
        "low": _price(),
        "close": _price(),
        "volume": pa.Column(
            float,
            _check(lambda x: (x >= 0) & (x < INFINITY), "must be finite and not negative: correct the row"),
        ),
    },
    checks=[
        _known_after_event(),
        _check(
            lambda table: ~(table["high"] < table[["open", "low", "close"]].max(axis=1)),
            "high lies below open, low or close: correct the row",
        ),
        _check(
            lambda table: ~(table["low"] > table[["open", "close"]].min(axis=1)),
            "low lies above open or close: correct the row",
        ),
    ],
)
IMPLIED_VOL: Final = pa.DataFrameSchema(
    {
        **_time_columns(),
        "implied_vol": pa.Column(float, _volatility()),
        "tenor_days": pa.Column(int, _check(lambda x: x > 0, "must be above zero: give calendar days")),
    },
    checks=[_known_after_event()],
)
VOL_INDICES: Final = pa.DataFrameSchema(
    {
        **_time_columns(),
        **{
            name: pa.Column(float, _volatility(), nullable=True, required=False)
            for name in VOL_INDEX_NAMES[:-1]
        },
        "skew": pa.Column(
            float,
            _check(lambda x: (x > 50) & (x < 250), "must be in points, 100 − 10 × skewness"),
            nullable=True,
            required=False,
        ),
    },
    checks=[_known_after_event()],
)
REALIZED: Final = pa.DataFrameSchema(
    {
        **_time_columns(),
        "rv": pa.Column(
            float, _check(lambda x: (x > 0) & (x < 1), "must be a daily variance as a decimal: set the scale")
        ),
        "rq": pa.Column(
            float,
            _check(lambda x: (x > 0) & (x < INFINITY), "must be finite and above zero: correct the row"),
            required=False,
        ),
        **{
            name: pa.Column(
                float,
                _check(lambda x: (x >= 0) & (x < 1), "must be a daily variance as a decimal: set the scale"),
                required=False,
            )
            for name in REALIZED_NAMES[2:]
        },
    },
    checks=[_known_after_event()],
)
SCHEMAS: Final[Mapping[str, pa.DataFrameSchema]] = {
    "bars": BARS,
    "implied_vol": IMPLIED_VOL,
    "vol_indices": VOL_INDICES,
    "realized": REALIZED,
}
"""Canonical tables by name.

`bars` : `session, event_time, known_time, open, high, low, close, volume`; a source that does not know the
open, the high, the low or the volume has NaN in the whole column.
`implied_vol` : `session, event_time, known_time, implied_vol, tenor_days`.
`vol_indices` : `session, event_time, known_time` and, of `vix9d, vix3m, vvix, skew` in this order, those that
the desk gives: annual decimals, the skew in points; NaN in a session for which another one has a value.
`realized` : `session, event_time, known_time, rv` and, of `rq, rs_plus, rs_minus` in this order, those that
the desk gives: daily variances as decimals, open to close; the quarticity in a unit of the file's own.
"""


def checked(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the canonical table `name` itself, or raise where it breaks its schema.

    Raises
    ------
    DataError
        One line: table, column, first bad row, the value, and what to do.

    Examples
    --------
    >>> time = pd.to_datetime(["2018-07-03 17:00"], utc=True).as_unit("us")
    >>> table = pd.DataFrame({"session": time.tz_localize(None).normalize(), "event_time": time,
    ...                       "known_time": time, "implied_vol": [16.1], "tenor_days": [30]})
    >>> checked("implied_vol", table)
    Traceback (most recent call last):
    pipeline.domain.errors.DataError: implied_vol: implied_vol in row 0 (2018-07-03) is 16.1: it must be ...
    """
    schema = SCHEMAS[name]
    due = [column for column, each in schema.columns.items() if each.required or column in table]
    if list(table.columns) != due:
        found, wanted = (", ".join(map(str, columns)) for columns in (table.columns, due))
        raise DataError(f"{name}: columns are {found}: deliver {wanted}, in this order")
    if table.empty:
        raise DataError(f"{name}: no rows: check that the source holds data for the span asked for")
    absent = [column for column in OPTIONAL if column in table and table[column].isna().all()]
    schema = schema.update_columns({column: {"nullable": True} for column in absent})
    try:
        schema.validate(table.reset_index(drop=True))
    except SchemaError as error:
        raise DataError(f"{name}: {_explain(error, table)}") from None
    return table


def _explain(error: SchemaError, table: pd.DataFrame) -> str:
    column = error.column_name
    if error.reason_code is SchemaErrorReason.WRONG_DATATYPE:
        wanted = SESSION if column == "session" else error.schema.dtype
        return f"{column} is of type {table[column].dtype}: convert it to {wanted}"
    row = int(error.failure_cases["index"].iloc[0])
    place = f"row {row} ({str(table['session'].iloc[row])[:10]})"
    if error.reason_code is SchemaErrorReason.SERIES_CONTAINS_NULLS:
        return f"{column} in {place} is missing: add the value or drop the row"
    message = error.check.error
    if column is None:
        return f"{place}: {message}"
    return f"{column} in {place} is {table[column].iloc[row]}: it {message}"
