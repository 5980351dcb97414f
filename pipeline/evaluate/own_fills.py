"""What the desk's own fills cost against what had been forecast for them, for the report."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.own_settings import OwnData
from pipeline.evaluate.sheets import Cell, Sheet, number
from pipeline.features.book_at import nanoseconds
from pipeline.features.event_feature import TimeArray
from pipeline.features.own import own_fill_costs, priced_fills
from pipeline.ingest.calendar import exchange_zone

FILLS = "fills"
"""Table of the market's dataset that holds them."""
OWN_FILLS = "own_fills"
"""Name of the fills among the tables of an evaluation."""
BPS = ("spread_bps", "fee_bps", "cost_bps", "forecast_bps", "excess_bps")


@dataclass(frozen=True)
class OwnFills:
    """The desk's own fills, and what it knew when it traded.

    Attributes
    ----------
    fills : the canonical table.
    own : which instrument.
    times : nanoseconds UTC, never falling, [T].
    mid, forecast_bps : [T] for fills from each time to the next: the mid that they are judged by, and what a
        trade was forecast to cost, bps of it.
    period : from the times of fills to what the report adds up by.
    """

    fills: pd.DataFrame
    own: OwnData
    times: TimeArray
    mid: FloatArray
    forecast_bps: FloatArray
    period: Callable[["pd.Series[pd.Timestamp]"], "pd.Series[str]"]


def daily_fills(desk: Desk, tables: Mapping[str, pd.DataFrame]) -> OwnFills | None:
    """Return the fills of a daily desk, by year; None where it gives none.

    The forecast is the desk's fee and half-spread, the latter times the forecast illiquidity of the session
    in which the fill lies, as the hedgers see it. A fill that tells no mid is judged by the close of its own
    session, which was not known yet: this is a report, not an input. A session is the exchange's day to its
    midnight, so a fill after the close, or of a date alone, is of the session before.
    """
    if OWN_FILLS not in tables:
        return None
    costs, signals = desk.costs, tables["signals"]
    ahead = costs.fee_bps + costs.half_spread_bps * signals["illiquidity_forecast"].to_numpy(float)
    mid = np.append(signals["close"].to_numpy(float)[1:], np.nan)
    times = nanoseconds(_day_ends(signals["known_time"], exchange_zone(desk.data.calendar))) + 1
    return OwnFills(
        tables[OWN_FILLS], desk.data.own, times, mid, ahead, lambda time: time.dt.year.astype(str)
    )


def _day_ends(times: "pd.Series[pd.Timestamp]", zone: ZoneInfo) -> "pd.Series[pd.Timestamp]":
    """Return the midnight with which the day of each time ends by the clock of a zone."""
    return times.dt.tz_convert(zone).dt.normalize() + pd.DateOffset(days=1)


def fills_within_day(desk: IntradayDesk, tables: Mapping[str, pd.DataFrame]) -> OwnFills | None:
    """Return the fills of a desk within the day, by day; None where it gives none.

    The forecast is the desk's fee and the forecast cost of crossing the book with the desk's order, as the
    hedgers see it at the decision before the fill.
    """
    if OWN_FILLS not in tables:
        return None
    signals = tables["signals"]
    ahead = desk.costs.fee_bps + 1e4 * signals["cost_forecast"].to_numpy(float)
    mid = signals["mid"].to_numpy(float)
    times = nanoseconds(signals["time"])

    def day(time: "pd.Series[pd.Timestamp]") -> "pd.Series[str]":
        return time.dt.tz_convert(desk.zone).dt.strftime("%Y-%m-%d")

    return OwnFills(tables[OWN_FILLS], desk.data.own, times, mid, ahead, day)


def own_fill_table(made: OwnFills) -> pd.DataFrame:
    """Return the desk's fills that had a forecast by period, and all of them in the last row.

    Returns
    -------
    `period` ("all" in the last row), `fills`, `worth` (money), means weighted by worth of `priced_fills`'
    columns, bps, and `dearer`, the share of fills that cost more than forecast.
    """
    priced = priced_fills(made.fills, made.own, made.times, made.mid, made.forecast_bps).dropna()
    groups = [(str(period), rows) for period, rows in priced.groupby(made.period(priced["time"]))]
    table = []
    for label, rows in [*groups, ("all", priced)]:
        worth = rows["worth"].to_numpy(float)
        means = {name: float(np.average(rows[name], weights=worth)) for name in BPS} if len(rows) else {}
        dearer = float((rows["excess_bps"] > 0.0).mean()) if len(rows) else np.nan
        table.append({"period": label, "fills": len(rows), "worth": worth.sum(), **means, "dearer": dearer})
    return pd.DataFrame(table, columns=["period", "fills", "worth", *BPS, "dearer"])


def own_fill_records(made: OwnFills | None) -> list[dict[Hashable, Any]]:
    """Return the rows of `own_fill_table` for the summary; none where the desk gives no fills."""
    return [] if made is None else own_fill_table(made).to_dict("records")


def own_fills_sheet(made: OwnFills | None) -> Sheet | None:
    """The table of own fills; None where the desk gives none."""
    if made is None:
        return None
    rows = [
        (
            Cell(str(row["period"])),
            Cell(number(row["fills"], 0)),
            Cell(number(row["worth"], 0)),
            *(Cell(number(float(row[name]), 2, sign=name == "excess_bps")) for name in BPS),
            Cell(f"{row['dearer']:.0%}" if np.isfinite(row["dearer"]) else "–"),
        )
        for row in own_fill_table(made).to_dict("records")
    ]
    recent = own_fill_costs(made.fills, made.own, made.times, made.mid, made.forecast_bps)
    cost, ahead, excess = (number(float(values[-1]), 2) for values in recent.values())
    lead = (
        "What the desk paid over the mid (half-spread and impact) and in fees, against what was forecast "
        "when it traded, bps of the mid, weighted by worth; fills before the first forecast are left out. A "
        "fill is judged by the mid that it tells, else by the last one of a decision before it. With a half-"
        f"life of one day the last decision stands at {cost}, forecast {ahead}, excess {excess}."
    )
    headings = (
        "Period", "Fills", "Worth", "Half-spread, impact", "Fees", "Cost", "Forecast", "Excess", "Dearer",
    )  # fmt: skip
    return Sheet("own-fills", "Own fills against the forecast", lead, headings, tuple(rows))
