"""Features of a desk's own records on any grid of times, and what its fills cost against the forecast."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.domain.own_settings import OwnData
from pipeline.features.beside import MARKED, Beside, values_beside
from pipeline.features.book_at import nanoseconds
from pipeline.features.event_feature import EventFeature, EventRows, Source, TimeArray
from pipeline.features.event_stream import over
from pipeline.features.own_account import LIMITS, OWN_ACCOUNT
from pipeline.features.own_costs import OWN_COSTS
from pipeline.features.own_events import limit_events, own_events
from pipeline.features.own_prices import check_fill_fees, check_fill_prices
from pipeline.features.record_batch import record_batch

OWN_NAMES = tuple(each.name for each in OWN_ACCOUNT.outputs)
"""Columns that positions or fills of a desk give."""


def own_values(
    tables: Mapping[str, pd.DataFrame], own: OwnData, times: TimeArray, mid: FloatArray
) -> dict[str, FloatArray]:
    """Return inventory, P&L and room under each limit at some times, [T] each, by `OWN_NAMES`.

    Parameters
    ----------
    tables : `positions`, `fills` and `limits`, such as the desk gives.
    own : which instrument, and what its limits are called.
    times : nanoseconds UTC, never falling, [T].
    mid : price at which the account is marked at each, [T].

    Raises
    ------
    DataError
        A table has no row of the instrument, or fills or their fees are far from the market (`own_prices`).
    """
    if "fills" in tables:
        check_own_fills(tables["fills"], own, times, mid)
    return values_beside([own_beside(tables, own)], times, mid)


def own_beside(tables: Mapping[str, pd.DataFrame], own: OwnData) -> Beside:
    """Return the account of a desk with the events of its records.

    Raises
    ------
    DataError
        A table has no row of the instrument.
    """
    feature = for_own(OWN_ACCOUNT, own)
    readers = {
        each.table: (each.table, partial(_read, each, own))
        for each in feature.sources
        if each.table in tables
    }
    return Beside(feature, OWN_NAMES, _events(feature, tables, own, (MARKED,)), readers)


def check_own_fills(fills: pd.DataFrame, own: OwnData, times: TimeArray, mid: FloatArray) -> None:
    """Refuse fills that are far from the market, or whose fees are: see `own_prices`."""
    check_fill_prices(fills, own.instrument, times, mid)
    check_fill_fees(fills, own.instrument, own.multiplier)


def for_own(feature: EventFeature, own: OwnData) -> EventFeature:
    """Return `OWN_ACCOUNT` or `OWN_COSTS` for contracts of the desk's multiplier, their last parameter."""
    return replace(feature, parameters=np.append(feature.constants()[:-1], own.multiplier))


def own_fill_costs(
    fills: pd.DataFrame, own: OwnData, times: TimeArray, mid: FloatArray, forecast_bps: FloatArray
) -> dict[str, FloatArray]:
    """Return the outputs of `OWN_COSTS` at some times, [T] each: the fills' cost, its forecast, the excess.

    Parameters
    ----------
    fills : the table, whole.
    own : which instrument.
    times, mid : as of `own_values`; a fill that tells its own mid is judged by that.
    forecast_bps : what a trade was forecast to cost from each time on, bps of the mid, [T].
    """
    ahead = EventRows(times, forecast_bps[:, np.newaxis])
    known = {MARKED: EventRows(times, np.c_[mid, mid]), "cost_forecasts": ahead}
    events = known | _events(OWN_COSTS, {"fills": fills}, own, tuple(known))
    values = over(for_own(OWN_COSTS, own), events, times)
    return {each.name: values[:, place] for place, each in enumerate(OWN_COSTS.outputs)}


def priced_fills(
    fills: pd.DataFrame, own: OwnData, times: TimeArray, mid: FloatArray, forecast_bps: FloatArray
) -> pd.DataFrame:
    """Return the fills of the instrument with what each cost and what had been forecast, one row a fill.

    Columns are `time`, `worth` (mid times size and multiplier), `spread_bps` (s (p − m)/m: half-spread and
    impact), `fee_bps`, `cost_bps`, their sum, `forecast_bps` (the last one known by then, NaN before the
    first) and `excess_bps`. The mid is the fill's own, else the last of `mid` known by then.
    """
    rows = fills[fills["instrument"] == own.instrument].sort_values("known_time", kind="stable")
    place = np.searchsorted(times, nanoseconds(rows["known_time"]), "right") - 1
    told = rows["mid"].to_numpy(float)

    def last(values: FloatArray) -> FloatArray:
        return np.where(place >= 0, values[np.maximum(place, 0)], np.nan)

    m = np.where(told > 0.0, told, last(mid))
    side, price = (rows[name].to_numpy(float) for name in ("side", "price"))
    worth = m * rows["size"].to_numpy(float) * own.multiplier
    spread = 1e4 * side * (price - m) / m
    fee = 1e4 * rows["fee"].to_numpy(float) / worth
    ahead = last(forecast_bps)
    return pd.DataFrame(
        {
            "time": rows["known_time"].reset_index(drop=True),
            "worth": worth,
            "spread_bps": spread,
            "fee_bps": fee,
            "cost_bps": spread + fee,
            "forecast_bps": ahead,
            "excess_bps": spread + fee - ahead,
        }
    )


def _events(
    feature: EventFeature, tables: Mapping[str, pd.DataFrame], own: OwnData, known: Sequence[str]
) -> dict[str, EventRows]:
    """Return the events of a feature's sources, but for those that are known otherwise."""
    return {source.table: _of(source, tables, own) for source in feature.sources if source.table not in known}


def _of(source: Source, tables: Mapping[str, pd.DataFrame], own: OwnData) -> EventRows:
    if source.table not in tables:
        return EventRows(np.empty(0, np.int64), np.empty((0, len(source.columns))))
    return _read(source, own, tables[source.table])


def _read(source: Source, own: OwnData, rows: pd.DataFrame) -> EventRows:
    batch = record_batch(rows)
    if source.table == "limits":
        kinds = {name: LIMITS[kind] for name, kind in own.limit_names.items()}
        return limit_events([batch], own.instrument, kinds, own.currency, own.trades_one)
    return own_events(source, [batch], own.instrument)
