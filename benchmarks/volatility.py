"""Volatility models on realised measures of the S&P 500: `python benchmarks/volatility.py FOLDER`.

FOLDER holds `realized/spx_realized_measures.csv` and `volatility_indices/VIX_History.csv`; if not given it is
`../shared/data` beside the project. Target: mean realised variance of the next 1, 5 and 22 sessions. The
window expands, the first forecast is made after 1 022 rows; HAR, SHAR and HARQ are refitted every day, the
others every 22. A fit at row t knows the targets complete at t. A daily regression is kept inside the targets
seen so far.

The trees have the product's own parameters and start from log-SHARQ+ (log-SHARQ with the week's downside
share and the last quarter's variance), or from the same with the VIX. Which inputs these two starts have was
chosen by the QLIKE of the forecasts made before 2006, which are among those scored.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter

import lightgbm as lgb
import numpy as np
import pandas as pd
from arch.bootstrap import MCS
from threadpoolctl import threadpool_limits

from pipeline.domain.desk import ForecastSettings
from pipeline.forecasts.boosted import tree_parameters
from pipeline.forecasts.scores import diebold_mariano, qlike

LAST = pd.Timestamp("2013-08-31")  # the unit of the quarticity changes after it
FIRST_FORECAST, REFIT, HORIZONS = 1022, 22, (1, 5, 22)
TARGETS = {"lightgbm": (0.118, 0.096, 0.160), "lightgbm + VIX": (0.115, 0.087, 0.144)}
SETTINGS = ForecastSettings()


def market(folder: Path) -> pd.DataFrame:
    """Measures of the sessions that have them all, with the VIX of the day as an annual decimal."""
    measures = pd.read_csv(folder / "realized" / "spx_realized_measures.csv", parse_dates=["date"])
    measures = measures.set_index("date").loc[:LAST, ["RV", "RQ", "RS_plus", "RS_minus", "BV"]].dropna()
    vix = pd.read_csv(folder / "volatility_indices" / "VIX_History.csv")
    vix = vix.set_index(pd.to_datetime(vix["DATE"], format="mixed"))["CLOSE"] / 100
    return measures.assign(vix=vix.reindex(measures.index, method="ffill"))


def inputs(data: pd.DataFrame) -> dict[str, np.ndarray]:
    """Inputs of every model, [T, K]; what row t holds is known at its close."""
    rv, minus, plus = data["RV"], data["RS_minus"], data["RS_plus"]
    week, month = rv.rolling(5).mean(), rv.rolling(22).mean()
    error = np.sqrt(data["RQ"])
    implied = data["vix"] ** 2 / 252
    floor = 1e-3 * rv.median()
    logs = [np.log(np.maximum(each, floor)) for each in (minus, plus, week, month)]
    sharq = [*logs, np.log(error / rv)]
    vix = [np.log(implied), np.log(implied).diff()]
    plus_two = [np.log(minus.rolling(5).mean() / week), np.log(rv.rolling(66).mean())]
    own = [
        np.log(rv),
        np.log(data["BV"] / rv),
        np.log(rv).rolling(22).std(),
    ]
    columns = {
        "har": [rv, week, month],
        "shar": [plus, minus, week, month],
        "harq": [rv, error * rv / error.mean(), week, month],
        "log-har": [np.log(rv), *logs[2:]],
        "log-sharq": sharq,
        "log-sharq+": [*sharq, *plus_two],
        "trees": own,
        "vix": vix,
    }
    return {name: np.column_stack(each) for name, each in columns.items()}


def every_day(X: np.ndarray, y: np.ndarray, horizon: int) -> np.ndarray:
    """Least squares refitted every day from running sums; forecasts kept inside the targets seen so far."""
    design = np.column_stack([np.ones(len(X)), X / np.nanmean(X, axis=0)])
    usable = np.isfinite(design).all(axis=1) & np.isfinite(y)
    Z, t = np.where(usable[:, None], design, 0.0), np.where(usable, y, 0.0)
    gram = np.cumsum(Z[:, :, None] * Z[:, None, :], axis=0)
    moment = np.cumsum(Z * t[:, None], axis=0)
    known = np.arange(FIRST_FORECAST, len(X)) - horizon
    slopes = np.linalg.solve(gram[known], moment[known][:, :, None])[:, :, 0]
    seen = np.where(usable, y, np.nan)
    low, high = (pd.Series(seen).expanding().agg(how).to_numpy()[known] for how in ("min", "max"))
    return np.clip((design[FIRST_FORECAST:] * slopes).sum(axis=1), low, high)


Forecast = Callable[[np.ndarray], np.ndarray]
Fit = Callable[[np.ndarray, np.ndarray], Forecast]


def every_month(fit: Fit, X: np.ndarray, y: np.ndarray, horizon: int) -> np.ndarray:
    """Refit every 22 days on rows whose target is complete, and forecast until the next refit."""
    finite, pieces = np.isfinite(X).all(axis=1) & np.isfinite(y), []
    for start in range(FIRST_FORECAST, len(X), REFIT):
        rows = finite & (np.arange(len(X)) + horizon <= start)
        pieces.append(fit(X[rows], y[rows])(X[start : start + REFIT]))
    return np.concatenate(pieces)


def smeared(X: np.ndarray, y: np.ndarray) -> Forecast:
    """Least squares of the log target, with Duan's smearing factor."""
    design = np.column_stack([np.ones(len(X)), X])
    slopes = np.linalg.lstsq(design, np.log(y), rcond=None)[0]
    factor = np.exp(np.log(y) - design @ slopes).mean()
    return lambda Z: factor * np.exp(slopes[0] + Z @ slopes[1:])


def boosted(horizon: int, linear: int) -> Fit:
    """Trees on all columns, started from the smeared regression on the first `linear` ones."""
    parameters = tree_parameters("gamma", horizon, SETTINGS, seed=7)

    def fit(X: np.ndarray, y: np.ndarray) -> Forecast:
        start = smeared(X[:, :linear], y)
        data = lgb.Dataset(X, y, init_score=np.log(start(X[:, :linear])))
        trees = lgb.train(parameters, data, num_boost_round=SETTINGS.trees)
        return lambda Z: start(Z[:, :linear]) * np.exp(trees.predict(Z, raw_score=True, num_threads=1))

    return fit


def suite(data: pd.DataFrame, horizon: int) -> tuple[pd.DataFrame, np.ndarray, dict[str, float]]:
    """Forecasts of every model at one horizon, what came, and the seconds each took."""
    X = inputs(data)
    ahead = data["RV"].rolling(horizon).mean().shift(-horizon).to_numpy()
    plain, implied = X["log-sharq+"], np.column_stack([X["log-sharq+"], X["vix"]])
    own, both = (np.column_stack([start, X["trees"]]) for start in (plain, implied))
    models: dict[str, Callable[[], np.ndarray]] = {
        "HAR": lambda: every_day(X["har"], ahead, horizon),
        "SHAR": lambda: every_day(X["shar"], ahead, horizon),
        "HARQ": lambda: every_day(X["harq"], ahead, horizon),
        "log-HAR": lambda: every_month(smeared, X["log-har"], ahead, horizon),
        "log-SHARQ": lambda: every_month(smeared, X["log-sharq"], ahead, horizon),
        "log-SHARQ+": lambda: every_month(smeared, plain, ahead, horizon),
        "lightgbm": lambda: every_month(boosted(horizon, plain.shape[1]), own, ahead, horizon),
        "log-SHARQ+ + VIX": lambda: every_month(smeared, implied, ahead, horizon),
        "lightgbm + VIX": lambda: every_month(boosted(horizon, implied.shape[1]), both, ahead, horizon),
    }
    forecasts, seconds = {}, {}
    for name, run in models.items():
        started = perf_counter()
        forecasts[name] = run()
        seconds[name] = perf_counter() - started
    table = pd.DataFrame(forecasts, index=data.index[FIRST_FORECAST:])
    outcome = ahead[FIRST_FORECAST:]
    known = np.isfinite(outcome)
    return table[known], outcome[known], seconds


def scored(horizon: int, table: pd.DataFrame, y: np.ndarray, seconds: dict[str, float]) -> pd.DataFrame:
    """Losses, ratios to HAR, Diebold–Mariano p against HAR and log-SHARQ, and the model confidence set."""
    losses = table.apply(lambda column: qlike(y, column.to_numpy()))
    squares = table.apply(lambda column: (y - column) ** 2)
    confident = MCS(losses, size=0.1, block_size=max(2 * horizon, 10), reps=500, seed=7)
    confident.compute()

    def p_value(name: str, rival: str) -> float:
        compared = diebold_mariano(losses[name].to_numpy(), losses[rival].to_numpy(), horizon)
        return compared.p_value if name != rival else np.nan

    return pd.DataFrame(
        {
            "QLIKE": losses.mean(),
            "/ HAR": losses.mean() / losses["HAR"].mean(),
            "MSE / HAR": squares.mean() / squares["HAR"].mean(),
            "p, HAR": [p_value(name, "HAR") for name in table],
            "p, log-SHARQ": [p_value(name, "log-SHARQ") for name in table],
            "in the set": [name in confident.included for name in table],
            "seconds": pd.Series(seconds),
        }
    )


def at(folder: Path, horizon: int) -> tuple[pd.DataFrame, int]:
    """One horizon, on one thread."""
    with threadpool_limits(limits=1):
        table, y, seconds = suite(market(folder), horizon)
        return scored(horizon, table, y, seconds), len(y)


def main() -> None:
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else beside
    if not (folder / "realized").is_dir():
        raise SystemExit(f"{folder} has no folder realized: name the folder of the data")
    started = perf_counter()
    with ProcessPoolExecutor(2) as pool:
        found = dict(zip(HORIZONS, pool.map(at, [folder] * 3, HORIZONS), strict=True))
    elapsed = perf_counter() - started
    for place, (horizon, (table, rows)) in enumerate(found.items()):
        print(f"\n{horizon} sessions ahead, {rows} forecasts")
        print(table.to_string(float_format=lambda value: f"{value:.4f}"))
        for model, targets in TARGETS.items():
            loss = table.loc[model, "QLIKE"]
            met = "met" if loss <= targets[place] else "not met"
            gain = table.loc[model.replace("lightgbm", "log-SHARQ+"), "QLIKE"] - loss
            print(
                f"{model}: QLIKE {loss:.4f}, target {targets[place]:.3f} {met}; the trees' share {gain:+.4f}"
            )
    print(f"\nall models, three horizons: {elapsed:.0f} s (target 60)")


if __name__ == "__main__":
    main()
