"""What a calibrated market has in common with the history that it stands for, and what it misses."""

import numpy as np
import pandas as pd

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.simulate.process import Process

LAGS = (1, 5, 21)
LEVERAGE_LAGS = range(1, 6)
LEAST = 100


def likeness(
    process: Process, returns: FloatArray, *, dt: float = 1 / 252, paths: int = 400, seed: int = 0
) -> pd.DataFrame:
    r"""Compare statistics of a history with those of as many simulated histories of the same length.

    Parameters
    ----------
    process : the market.
    returns : [T] log returns of consecutive steps.
    dt : years of a step.
    paths : simulated histories; the interval is their 2.5 … 97.5 % range.

    Returns
    -------
    A row for each statistic: `history`, `simulated` (median), `low`, `high`, and `matches`, whether the
    history is within. Volatility is annual; `squares_k` is the autocorrelation of squares at lag k;
    `leverage` is the mean over k = 1 … 5 of corr(r_t, r²_{t+k}).

    Raises
    ------
    DataError
        Fewer than 100 returns, or one that is not finite.

    References
    ----------
    Cont (2001), Empirical properties of asset returns: stylized facts and statistical issues, section 3.

    Examples
    --------
    >>> from pipeline.simulate.black_scholes import BlackScholes
    >>> returns = np.random.default_rng(3).normal(0.0, 0.2 / np.sqrt(252), 500)
    >>> likeness(BlackScholes(volatility=0.2), returns, paths=100).loc["kurtosis", "matches"]
    np.True_
    """
    returns = np.asarray(returns, dtype=np.float64)
    if len(returns) < LEAST or not np.isfinite(returns).all():
        missing = np.count_nonzero(~np.isfinite(returns))
        raise DataError(
            f"{len(returns)} returns, {missing} of them missing: give {LEAST} or more without gaps"
        )
    seen = statistics(returns[None], dt)
    found = process.simulate(paths=paths, steps=len(returns), dt=dt, seed=seed)
    made = statistics(np.diff(np.log(found.spot)), dt)
    rows = {}
    for name, values in made.items():
        low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
        history = seen[name][0]
        rows[name] = (history, middle, low, high, low <= history <= high)
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["history", "simulated", "low", "high", "matches"]
    )


def said(report: pd.DataFrame) -> str:
    """Return in one sentence what matches and what is missed.

    Examples
    --------
    >>> said(pd.DataFrame({"matches": [True, False]}, index=["volatility", "kurtosis"]))
    'matches volatility; misses kurtosis'
    """
    parts = [
        f"{verb} {', '.join(report.index[report['matches'].astype(bool) == held])}"
        for verb, held in (("matches", True), ("misses", False))
        if (report["matches"].astype(bool) == held).any()
    ]
    return "; ".join(parts)


def statistics(returns: FloatArray, dt: float) -> dict[str, FloatArray]:
    """Return the statistics of [N, T] returns, [N] each; NaN for a history that does not move."""
    centred = returns - returns.mean(axis=1, keepdims=True)
    variance = (centred**2).mean(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "volatility": np.sqrt(variance / dt),
            "skewness": (centred**3).mean(axis=1) / variance**1.5,
            "kurtosis": (centred**4).mean(axis=1) / variance**2 - 3.0,
        }
        squares = centred**2
        for lag in LAGS:
            found[f"squares_{lag}"] = _correlation(squares[:, :-lag], squares[:, lag:])
        leverage = [_correlation(centred[:, :-lag], squares[:, lag:]) for lag in LEVERAGE_LAGS]
    found["leverage"] = np.mean(leverage, axis=0)
    return found


def _correlation(x: FloatArray, y: FloatArray) -> FloatArray:
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    return np.asarray((x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1)))
