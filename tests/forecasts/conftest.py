"""A simulated feature frame: autoregressive log volatility and illiquidity, returns drawn from them."""

import numpy as np
import pandas as pd
import pytest

from pipeline.forecasts.task import IMPLIED, TREND


@pytest.fixture(scope="session")
def market() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    rows = 1500
    shocks = rng.normal(size=(rows, 3))
    log_vol = np.zeros(rows)
    for t in range(1, rows):
        log_vol[t] = 0.97 * log_vol[t - 1] + 0.12 * shocks[t, 0]
    vol = 0.16 * np.exp(log_vol)
    returns = vol / np.sqrt(252) * shocks[:, 1]
    range_vol = pd.Series(vol * np.exp(0.25 * shocks[:, 2] + 0.1 * shocks[:, 1] ** 2))
    illiquidity = range_vol * np.exp(0.2 * rng.normal(size=rows))
    X = pd.DataFrame({"close": 100 * np.exp(np.cumsum(returns)), "return_1d": returns})
    for days in (1, 5, 22):
        X[f"parkinson_{days}d"] = np.sqrt((range_vol**2).rolling(days).mean())
        X[f"illiquidity_{days}d"] = illiquidity.rolling(days).mean()
    X["realized_vol_22d"] = np.sqrt((X["return_1d"] ** 2).rolling(22).mean() * 252)
    X["leverage_5d"] = X["return_1d"].clip(upper=0).rolling(5).sum()
    X["log_volume_ratio"] = rng.normal(0, 0.2, rows)
    for column in (*TREND, *IMPLIED):
        X[column] = rng.normal(0, 0.2, rows)
    X.loc[: rows // 2, ["log_volume_ratio", *IMPLIED]] = np.nan
    X.index = pd.bdate_range("2000-01-03", periods=rows, tz="UTC")
    return X
