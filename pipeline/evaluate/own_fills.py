"""What the desk's own fills cost against what had been forecast for them, by year, for the report."""

import numpy as np
import pandas as pd

from pipeline.domain.desk import Desk
from pipeline.domain.instruments import FloatArray
from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.sheets import Cell, Sheet, number
from pipeline.features.book_at import nanoseconds
from pipeline.features.event_feature import TimeArray
from pipeline.features.own import own_fill_costs, priced_fills

FILLS = "fills"
"""Table of the market's dataset that holds them."""
OWN_FILLS = "own_fills"
"""Name of the fills among the tables of an evaluation."""
BPS = ("spread_bps", "fee_bps", "cost_bps", "forecast_bps", "excess_bps")


def own_fill_table(desk: Desk, signals: pd.DataFrame, fills: pd.DataFrame) -> pd.DataFrame:
    """Return the desk's fills that had a forecast by year, and all of them in the last row.

    The forecast is the desk's fee and half-spread, the latter times the forecast illiquidity of the session
    in which the fill lies, as the hedgers see it.

    Returns
    -------
    `year` ("all" in the last row), `fills`, `worth` (money), means weighted by worth of `priced_fills`'
    columns, bps, and `dearer`, the share of fills that cost more than forecast.
    """
    priced = priced_fills(fills, desk.data.own, *_known(desk, signals)).dropna()
    groups = [(str(year), rows) for year, rows in priced.groupby(priced["time"].dt.year)]
    table = []
    for label, rows in [*groups, ("all", priced)]:
        worth = rows["worth"].to_numpy(float)
        means = {name: float(np.average(rows[name], weights=worth)) for name in BPS} if len(rows) else {}
        dearer = float((rows["excess_bps"] > 0.0).mean()) if len(rows) else np.nan
        table.append({"year": label, "fills": len(rows), "worth": worth.sum(), **means, "dearer": dearer})
    return pd.DataFrame(table, columns=["year", "fills", "worth", *BPS, "dearer"])


def own_fills_sheet(evaluation: Evaluation) -> Sheet | None:
    """The table of own fills; None where the desk gives none."""
    fills, desk, signals = evaluation.tables.get(OWN_FILLS), evaluation.desk, evaluation.tables["signals"]
    if fills is None:
        return None
    rows = [
        (
            Cell(str(row["year"])),
            Cell(number(row["fills"], 0)),
            Cell(number(row["worth"], 0)),
            *(Cell(number(float(row[name]), 2, sign=name == "excess_bps")) for name in BPS),
            Cell(f"{row['dearer']:.0%}" if np.isfinite(row["dearer"]) else "–"),
        )
        for row in own_fill_table(desk, signals, fills).to_dict("records")
    ]
    recent = own_fill_costs(fills, desk.data.own, *_known(desk, signals))
    cost, ahead, excess = (number(float(values[-1]), 2) for values in recent.values())
    lead = (
        "What the desk paid over the mid (half-spread and impact) and in fees, against the fee and "
        "half-spread that were forecast for the session, bps of the mid, weighted by worth; fills before the "
        "first forecast are left out. A fill is judged by the mid that it tells, else by the last close "
        "before it. With a "
        f"half-life of one day the last session stands at {cost}, forecast {ahead}, excess {excess}."
    )
    headings = (
        "Year", "Fills", "Worth", "Half-spread, impact", "Fees", "Cost", "Forecast", "Excess", "Dearer",
    )  # fmt: skip
    return Sheet("own-fills", "Own fills against the forecast", lead, headings, tuple(rows))


def _known(desk: Desk, signals: pd.DataFrame) -> tuple[TimeArray, FloatArray, FloatArray]:
    """Return when the desk knew what, the mid and the forecast cost of then."""
    costs = desk.costs
    ahead = costs.fee_bps + costs.half_spread_bps * signals["illiquidity_forecast"].to_numpy(float)
    return nanoseconds(signals["known_time"]), signals["close"].to_numpy(float), ahead
