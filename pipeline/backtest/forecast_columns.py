"""How forecasts become columns of the signals: one way for the walk and for what goes on after it."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.forecasts.intervals import Interval
from pipeline.forecasts.term_structure import interpolate_interval, interpolate_variance

NO_LIQUIDITY: Final = {
    "illiquidity_forecast": 1.0,
    "lower_illiquidity": 1.0,
    "upper_illiquidity": 1.0,
    "illiquidity_next": 1.0,
    "gap_prob": 0.0,
    "gap_base": 0.0,
}
"""Signals where the data has no range or no volume: every session is a median one, and none is a gap."""


def variance_columns(
    horizons: tuple[int, ...],
    forecasts: Sequence["pd.Series[float]"],
    intervals: Sequence[Interval],
    reach: int,
) -> pd.DataFrame:
    """Return `forecast_`, `lower_` and `upper_variance_m`: variance of the next m = 1 … `reach` sessions."""
    values = np.stack([np.asarray(each, dtype=np.float64) for each in forecasts], axis=1)
    curve = interpolate_variance(horizons, values, reach)
    around = interpolate_interval(horizons, values, intervals, curve)
    tables = [
        pd.DataFrame(
            numbers,
            index=forecasts[0].index,
            columns=[f"{kind}_variance_{m}" for m in range(1, reach + 1)],
        )
        for kind, numbers in (("forecast", curve), ("lower", around.lower), ("upper", around.upper))
    ]
    return pd.concat(tables, axis=1)


def illiquidity_columns(
    forecast: "pd.Series[float]", edges: Interval, came: FloatArray, unit: FloatArray | float
) -> dict[str, FloatArray]:
    """Return illiquidity in units of its median over the training rows: forecast, edges, and what came."""
    return {
        "illiquidity_forecast": np.asarray(forecast, dtype=np.float64) / unit,
        "illiquidity_next": came / unit,
        "lower_illiquidity": edges.lower / unit,
        "upper_illiquidity": edges.upper / unit,
    }
