"""How the hedgers came through the wildest and the dearest hours of the tested days."""

from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.intraday_desk import YEAR_SECONDS
from pipeline.evaluate.metrics import BPS_PER_UNIT
from pipeline.evaluate.sheets import Cell, Sheet, number

SHOWN: Final = 3
"""Hours of each sort."""
SORTS: Final = {"vol": "highest volatility", "crossing_bps": "dearest book"}
HOUR_SECONDS: Final = 3600.0


def worst_hours(episodes: pd.DataFrame, signals: pd.DataFrame) -> pd.DataFrame:
    """Return what every policy made of the options dealt in the worst tested hours, and in all of them.

    An hour is worst by its realised volatility, √(Σ r² · year/hour) over the moves of the mid from decision
    to decision of one day, or by its mean cost of crossing the desk's order.

    Parameters
    ----------
    episodes : one row a policy and start (UTC).
    signals : one row a decision: `time, day, mid, crossing_cost, tested`.

    Returns
    -------
    One row an hour and policy: `hour` (its start, UTC; NaT for all hours), `why` it is shown, `vol` (annual,
    decimal), `crossing_bps`, `policy`, `episodes` that start in it, and of these `pnl_mean_bps`,
    `pnl_worst_bps`, `pnl_sd_bps`, `cost_bps` and `trades`. An hour in which no option starts is left out.

    Examples
    --------
    >>> times = pd.date_range("2020-03-02 10:00", periods=240, freq="min", tz="UTC")
    >>> signals = pd.DataFrame({"time": times, "day": "2020-03-02", "crossing_cost": 1e-4, "tested": True})
    >>> signals["mid"] = np.where(times.hour == 11, 100.0 + np.arange(240) % 2, 100.0)
    >>> starts = pd.to_datetime(["2020-03-02 11:10", "2020-03-02 12:10"])
    >>> books = {"pnl": [-2.0, 1.0], "cost": 0.1, "trades": 3.0}
    >>> found = worst_hours(pd.DataFrame({"policy": "delta_implied", "start": starts, **books}), signals)
    >>> found.loc[1, "why"], str(found.loc[1, "hour"]), float(found.loc[1, "pnl_mean_bps"])
    ('highest volatility', '2020-03-02 11:00:00', -200.0)
    """
    tested = signals[signals["tested"]]
    hour = tested["time"].dt.tz_convert("UTC").dt.tz_localize(None).dt.floor("h")
    moves = np.log(tested["mid"]).groupby(tested["day"]).diff() ** 2
    hours = pd.DataFrame(
        {
            "vol": np.sqrt(moves.groupby(hour).sum() * YEAR_SECONDS / HOUR_SECONDS),
            "crossing_bps": 1e4 * tested["crossing_cost"].groupby(hour).mean(),
        }
    )
    started = pd.to_datetime(episodes["start"]).dt.floor("h")
    hours = hours[hours.index.isin(started.unique())]
    nothing = pd.Series({"vol": np.nan, "crossing_bps": np.nan})
    parts = [_made(episodes, pd.NaT, "all", nothing)]
    for sort, why in SORTS.items():
        for first, row in hours.nlargest(SHOWN, sort).iterrows():
            parts.append(_made(episodes[started == first], first, why, row))
    return pd.concat(parts, ignore_index=True)


def _made(episodes: pd.DataFrame, hour: object, why: str, row: "pd.Series[float]") -> pd.DataFrame:
    by_policy = episodes.groupby("policy", sort=False)
    pnl = by_policy["pnl"]
    made = pd.DataFrame(
        {
            "episodes": by_policy.size(),
            "pnl_mean_bps": BPS_PER_UNIT * pnl.mean(),
            "pnl_worst_bps": BPS_PER_UNIT * pnl.min(),
            "pnl_sd_bps": BPS_PER_UNIT * pnl.std(ddof=0),
            "cost_bps": BPS_PER_UNIT * by_policy["cost"].mean(),
            "trades": by_policy["trades"].mean(),
        }
    ).reset_index()
    place = {"hour": hour, "why": why, "vol": row["vol"], "crossing_bps": row["crossing_bps"]}
    return pd.DataFrame({name: [value] * len(made) for name, value in place.items()}).join(made)


def worst_hours_sheet(worst: pd.DataFrame) -> Sheet:
    """The worst hours, with all hours first to compare with."""
    rows: list[tuple[Cell, ...]] = []
    for _, own in worst.groupby(["why", "hour"], sort=False, dropna=False):
        first, all_hours = own.iloc[0], bool(own["hour"].isna().iloc[0])
        heading = "All tested hours" if all_hours else f"{first['hour']:%Y-%m-%d %H:%M} UTC"
        under = f"{first['episodes']} options"
        if not all_hours:
            crossed = number(first["crossing_bps"], 2)
            under = f"{first['why']}: {number(100 * first['vol'])} % a year, {crossed} bps to cross, {under}"
        for place, (_, row) in enumerate(own.iterrows()):
            numbers = (
                (row["pnl_mean_bps"], 1), (row["pnl_worst_bps"], 1), (row["pnl_sd_bps"], 1),
                (row["cost_bps"], 2), (row["trades"], 1),
            )  # fmt: skip
            head = Cell(heading, under) if place == 0 else Cell("")
            shown = (Cell(number(float(value), places)) for value, places in numbers)
            rows.append((head, Cell(str(row["policy"])), *shown))
    lead = (
        f"The {SHOWN} tested hours of the highest volatility and the {SHOWN} in which crossing the book with "
        "the desk's order cost most: what came of the options that were dealt in them. A few options that "
        "overlap: no test is made of them."
    )
    headings = ("Hour", "Policy", "Mean P&L, bps", "Worst P&L, bps", "SD, bps", "Cost, bps", "Trades")
    return Sheet("worst-hours", "The worst hours", lead, headings, tuple(rows), labels=2, folded=True)
