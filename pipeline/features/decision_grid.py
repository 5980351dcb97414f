"""The decision grid of all days: each day's rows, what is learned for them, and how far each looks back."""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.intraday_desk import IntradayDesk, instant
from pipeline.features.book_at import nanoseconds
from pipeline.features.decision_day import Events, decision_day, event_table, quoted, sided
from pipeline.features.event_catalogue import event_catalogue
from pipeline.ingest.content import Known
from pipeline.ingest.dataset import Output
from pipeline.ingest.market_days import DAYS, DayTables
from pipeline.ingest.pieces import InMemory, KeptPieces

log = logging.getLogger(__name__)

SPANS: Final = (20, 60, 240)
"""Decisions over which a past variance is taken."""
LIQUID_SPANS: Final = (1, 5, 20)
"""Decisions over which spread, depth and crossing cost are averaged."""
LEAST_VARIANCE: Final = 1e-10
"""(0.1 bp)²: a past variance is not below, so that it has a logarithm where the price did not move."""
LEAST_RATE: Final = 1e-4
LIQUID: Final = ("half_spread", "crossing_cost", "depth")
HALF_HOUR: Final = 30.0
EARLY: Final = 10.0
"""Minutes added to those since the open, so that the first of them are not a world of their own."""


def decision_features(
    desk: IntradayDesk, market: Mapping[str, pd.DataFrame], pieces: KeptPieces | None = None
) -> dict[str, pd.DataFrame | bytes]:
    """Return the decision grid of every day of the market; a day that is known is not made again.

    Parameters
    ----------
    desk : settings; only what the grid is made of is read.
    market : the table `days` of `market_days.load_days`.
    pieces : keeps the days.

    Returns
    -------
    Tables `features` (see `decision_day` and `with_history`) and `fills`, one row a decision in the order of
    time, and `event_parameters` (what was learned for features of events, on rows before the signals start).
    """
    pieces = pieces or InMemory()
    index = market[DAYS]
    days = [DayTables(index, day, pieces) for day in sorted(index["day"].unique())]
    fitted = _fitted(desk, days, pieces)
    made = [
        pieces(
            "decision_day",
            decision_day,
            day=each.day,
            tables=Known(each, each.digest),
            grid=desk.grid,
            hedge=desk.hedge,
            seed=desk.seed,
            fitted=fitted,
        )
        for each in days
    ]
    tables = {
        name: pd.concat([each[name] for each in made], ignore_index=True) for name in ("features", "fills")
    }
    names = [
        (feature, place, value) for feature, learned in fitted.items() for place, value in enumerate(learned)
    ]
    learned = pd.DataFrame(names, columns=["feature", "place", "value"])
    return {**tables, "features": with_history(tables["features"]), "event_parameters": learned}


def _fitted(desk: IntradayDesk, days: list[DayTables], pieces: KeptPieces) -> dict[str, Any]:
    before = instant(desk.windows.signals_start, desk.zone)
    used = [each for each in days if each.day <= before.astimezone(desk.zone).date().isoformat()]
    piece = pieces(
        "event_parameters",
        event_parameters,
        tables=Known(used, " ".join(each.digest for each in used)),
        before=int(before.timestamp() * 1e9),
    )
    found: dict[str, Any] = json.loads(piece.read_bytes("parameters.json"))
    return found


def event_parameters(tables: list[Events], before: int) -> Output:
    """Return what the features of events learn from events known before an instant, `parameters.json`.

    A feature that cannot be learned from them is left out with a warning, and has no column.
    """
    whole = [sided(quoted(day)) for day in tables]
    found: dict[str, list[float]] = {}
    for feature in event_catalogue():
        if feature.fit is None or not all(s.table in day for day in whole for s in feature.sources):
            continue
        rows = {}
        for source in feature.sources:
            joined = pd.concat([day[source.table] for day in whole], ignore_index=True)
            rows[source.table] = event_table(source, joined[nanoseconds(joined["known_time"]) < before])
        try:
            found[feature.name] = feature.fitted(rows).constants().tolist()
        except FitError as error:
            log.warning("%s: left out, for it cannot be learned: %s", feature.name, error)
    return {"parameters.json": json.dumps(found).encode()}


def with_history(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the grid with what the decisions before say; a row reads itself and rows above it.

    Added are `return` (log, NaN on the first decision of a day: the night is nobody's risk), `variance_n`
    (mean squared return of the last n decisions, at least `LEAST_VARIANCE`), `log_variance_20`, the means
    over n decisions `half_spread_n`, `crossing_cost_n` and `depth_n`, `log_depth`, `log_spread`, `log_rate`
    (of trades), `log_minutes` since the open and `half_hour` of the day.
    """
    fresh = rows["day"].ne(rows["day"].shift())
    returns = np.log(rows["mid"]).diff().mask(fresh)
    added: dict[str, FloatArray | pd.Series[float]] = {"return": returns}
    squares = returns**2
    for span in SPANS:
        mean = squares.rolling(span, min_periods=min(5, span)).mean()
        added[f"variance_{span}"] = mean.clip(lower=LEAST_VARIANCE)
    for name in LIQUID:
        for span in LIQUID_SPANS:
            added[f"{name}_{span}"] = rows[name].ffill().rolling(span, min_periods=1).mean()
    rate = rows.get("trade_intensity_60s", pd.Series(np.nan, index=rows.index))
    added |= {
        "log_variance_20": np.log(added["variance_20"]),
        "log_depth": np.log(added["depth_5"]),
        "log_spread": np.log(added["half_spread_5"]),
        "log_rate": np.log(rate.fillna(0.0) + LEAST_RATE),
        "log_minutes": np.log(rows["minutes"] + EARLY),
        "half_hour": np.floor(rows["minutes"] / HALF_HOUR),
    }
    return rows.assign(**added)
