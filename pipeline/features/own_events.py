"""Events of one instrument out of a desk's own tables: fills, positions and limits."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.features.event_feature import EventRows, Source
from pipeline.features.event_stream import event_rows
from pipeline.features.limit_units import MONEY, plain_unit, quoted_in, same_money
from pipeline.features.own_account import LIMITS, WHOLE_DESK


def own_events(source: Source, batches: Sequence[pa.RecordBatch], instrument: str) -> EventRows:
    """Return the rows of `fills` or `positions` of an instrument, in the order in which they were known.

    Raises
    ------
    DataError
        All are of others.

    Examples
    --------
    >>> known = np.array([2, 1, 3], "datetime64[ns]")
    >>> columns = {"known_time": known, "instrument": ["BTC", "BTC", "ETH"], "quantity": [5.0, 4.0, 1.0]}
    >>> found = own_events(Source("positions", ("quantity",)), [pa.RecordBatch.from_pydict(columns)], "BTC")
    >>> found.known_time.tolist(), found.columns.ravel().tolist()
    ([1, 2], [4.0, 5.0])
    """
    parts = [rows.filter(pc.equal(rows.column("instrument"), instrument)) for rows in batches]
    there = {name for rows in batches for name in pc.unique(rows.column("instrument")).to_pylist()}
    if there and instrument not in there:
        raise DataError(f"{source.table}: none of {instrument}: there are {', '.join(sorted(there))}")
    found = event_rows(source, parts)
    order = np.argsort(found.known_time, kind="stable")
    return EventRows(found.known_time[order], found.columns[order])


def limit_events(
    batches: Sequence[pa.RecordBatch],
    instrument: str,
    names: Mapping[str, int] = LIMITS,
    currency: str = "",
    whole_desk: bool = False,
) -> EventRows:
    """Return the events (`kind`, `value`) of the `limits` of an instrument, in the order of their beginning.

    Values are in plain units: a limit of 5 in million USD is 5 000 000.

    Parameters
    ----------
    instrument : whose.
    names : the desk's names of limits, and which of `LIMITS` each is; limits of other names (on a Greek, say)
        are not this feature's.
    currency : of the market's prices; "" takes that with which the instrument's name ends, if it does. Limits
        in money must be in it where it is known.
    whole_desk : whether those without an instrument are taken too, as of a desk that trades one; their kind
        is `WHOLE_DESK` higher.

    Raises
    ------
    DataError
        There is no such limit, a name stands for no kind of limit, a unit is not known or of another kind
        than its limit, or a limit is in another currency than the market's prices or another limit.
    """
    astray = sorted(name for name, kind in names.items() if kind not in LIMITS.values())
    if astray:
        kinds = ", ".join(f"{kind} {name}" for name, kind in LIMITS.items())
        raise DataError(f"limits: {astray[0]} is of kind {names[astray[0]]}: the kinds are {kinds}")
    wanted = pa.array([instrument, ""] if whole_desk else [instrument])
    parts = [rows.filter(pc.is_in(rows.column("instrument"), wanted)) for rows in batches]
    there = [name for rows in parts for name in rows.column("name").to_pylist()]
    chosen = np.array([name in names for name in there], dtype=bool)
    if not chosen.any():
        without = any(pc.any(pc.equal(rows.column("instrument"), "")).as_py() for rows in batches)
        why = (
            ", but for the whole desk, which trades further instruments (data.own.others)" if without else ""
        )
        raise DataError(
            f"limits: none of {', '.join(names)} for {instrument}: "
            f"there are {', '.join(sorted(set(there))) or 'none'}{why}; name the desk's own"
        )
    known = np.concatenate([rows.column("known_time").cast(pa.int64()).to_numpy() for rows in parts])[chosen]
    value = np.concatenate([rows.column("value").to_numpy() for rows in parts])[chosen]
    kind = np.array([names[name] for name in there if name in names], dtype=np.float64)
    owner = [name for rows in parts for name in rows.column("instrument").to_pylist()]
    kind[np.array([name == "" for name in owner])[chosen]] += WHOLE_DESK
    units = [unit for rows in parts for unit in rows.column("unit").to_pylist()]
    chosen_units = [pair for pair in zip(there, units, strict=True) if pair[0] in names]
    value = value * _sizes(chosen_units, names, currency or quoted_in(instrument))
    order = np.argsort(known, kind="stable")
    return EventRows(known[order], np.c_[kind, value][order])


def _sizes(told: Sequence[tuple[str, str]], names: Mapping[str, int], priced_in: str) -> FloatArray:
    """Return how many plain units one of the unit of each limit is, of pairs of its name and its unit."""
    position = LIMITS["position"]
    found = [plain_unit(unit, name, in_money=names[name] != position) for name, unit in told]
    currencies = sorted({base for _, base in found} & MONEY)
    if len(currencies) > 1:
        raise DataError(f"limits: in {' and '.join(currencies)}: write them in that of the market's prices")
    if priced_in and currencies and not same_money(currencies[0], priced_in):
        raise DataError(
            f"limits: in {currencies[0]}, but the market's prices are in {priced_in}: write them in that, or "
            "correct data.own.currency"
        )
    return np.array([size for size, _ in found], dtype=np.float64)
