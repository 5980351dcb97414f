"""The models of the volatility benchmark: what each sees, how it is fitted, and the walk through the years.

The window expands, the first forecast is made after 1 022 rows, as many as a rolling window holds; HAR, SHAR
and HARQ are refitted every day, the others every 22. A fit at row t knows the targets complete at t. Nothing
extrapolates: a daily regression is kept inside the targets seen so far, a logarithmic one gets its inputs
kept inside those it learned from.
The trees have the product's own parameters and start from the linear model of the same inputs. So do the
networks (LSTM, extra `deep`): their linear start is refitted every 22 days as the others, they once a year.

The inputs come in steps. log-SHARQ+ adds the week's downside share and the last quarter's variance to
log-SHARQ; L the losses of the day, the week and the month (Corsi, Renò 2012), returns of SPY at the close;
V implied variance, its change and its ratio to the last quarter's. A combination averages the logarithms of
its members with weights inverse to their QLIKE over the forecasts that had come true at the refit, equal
weights in the first year.
"""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.lstm_settings import LstmSettings
from pipeline.forecasts.boosted import tree_parameters
from pipeline.forecasts.combination import inverse_loss_weights, log_pool
from pipeline.forecasts.linear import linear_predictor, smeared_least_squares
from pipeline.forecasts.realized import harq_inputs, log_sharq_inputs, shar_inputs
from pipeline.forecasts.scores import qlike

LAST = pd.Timestamp("2013-08-31")  # the unit of the quarticity changes after it
FIRST_FORECAST, REFIT, LEARNED = 1022, 22, 252
YEAR = 252
ROLLING_ROWS = FIRST_FORECAST
SETTINGS = ForecastSettings()
NETWORK = LstmSettings()
Forecast = Callable[[np.ndarray], np.ndarray]
Fit = Callable[[np.ndarray, np.ndarray], Forecast]


def market(folder: Path) -> pd.DataFrame:
    """Measures of the sessions that have them all, the VIX as an annual decimal and the return of the day."""
    measures = pd.read_csv(folder / "realized" / "spx_realized_measures.csv", parse_dates=["date"])
    measures = measures.set_index("date").loc[:LAST, ["RV", "RQ", "RS_plus", "RS_minus", "BV"]].dropna()
    vix = pd.read_csv(folder / "volatility_indices" / "VIX_History.csv")
    vix = vix.set_index(pd.to_datetime(vix["DATE"], format="mixed"))["CLOSE"] / 100
    with zipfile.ZipFile(folder / "daily" / "spy.zip") as archive, archive.open("spy.csv") as file:
        spy = pd.read_csv(file, header=None, usecols=[0, 4], names=["date", *"ohl", "close", "volume"])
    close = spy.set_index(pd.to_datetime(spy["date"].str[:8]))["close"].reindex(measures.index)
    return measures.assign(vix=vix.reindex(measures.index, method="ffill"), ret=np.log(close).diff())


def inputs(data: pd.DataFrame) -> dict[str, np.ndarray]:
    """Inputs by name, [T, K]; what row t holds is known at its close."""
    rv, minus, plus = data["RV"], data["RS_minus"], data["RS_plus"]
    week, month = rv.rolling(5).mean(), rv.rolling(22).mean()
    error = np.sqrt(data["RQ"])
    implied = data["vix"] ** 2 / 252
    floor = 1e-3 * rv.iloc[:FIRST_FORECAST].median()
    kept = [np.maximum(each, floor).to_numpy() for each in (plus, minus, week, month)]
    sharq = list(log_sharq_inputs(*kept, np.log(error / rv).to_numpy()).T)
    plus_two = [np.log(minus.rolling(5).mean() / week), np.log(rv.rolling(66).mean())]
    losses = [np.minimum(data["ret"].rolling(days).sum(), 0.0) for days in (1, 5, 22)]
    vix = [np.log(implied), np.log(implied).diff(), np.log(implied / implied.rolling(66).mean())]
    own = [np.log(rv), np.log(data["BV"] / rv), np.log(rv).rolling(22).std()]
    day = [np.log(rv), np.log(minus / rv), np.log(data["BV"] / rv), np.log(error / rv), data["ret"]]
    columns = {
        "har": [rv, week, month],
        "shar": list(shar_inputs(*(each.to_numpy() for each in (plus, minus, week, month))).T),
        "harq": list(harq_inputs(*(each.to_numpy() for each in (rv, error, week, month))).T),
        "log-har": [np.log(rv), *sharq[2:4]],
        "log-sharq": sharq,
        "plus": [*sharq, *plus_two],
        "L": [*sharq, *plus_two, *losses],
        "V": [*sharq, *plus_two, *vix],
        "LV": [*sharq, *plus_two, *losses, *vix],
        "trees": own,
        "day": day,
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
    low, high = np.fmin.accumulate(seen)[known], np.fmax.accumulate(seen)[known]
    return np.clip((design[FIRST_FORECAST:] * slopes).sum(axis=1), low, high)


def every_month(
    fit: Fit, X: np.ndarray, y: np.ndarray, horizon: int, newest: int | None = None
) -> np.ndarray:
    """Refit every 22 days on complete targets, all or those of the newest rows; forecast until the next."""
    finite, pieces = np.isfinite(X).all(axis=1) & np.isfinite(y), []
    for start in range(FIRST_FORECAST, len(X), REFIT):
        first = 0 if newest is None else start - newest
        rows = finite & (np.arange(len(X)) >= first) & (np.arange(len(X)) + horizon <= start)
        pieces.append(fit(X[rows], y[rows])(X[start : start + REFIT]))
    return np.concatenate(pieces)


def smeared(X: np.ndarray, y: np.ndarray) -> Forecast:
    """Least squares of the log target with the smearing factor; inputs are clipped to those learned from."""
    intercept, slopes, factor = smeared_least_squares(X, np.log(y))
    low, high = X.min(axis=0), X.max(axis=0)
    return lambda Z: factor * np.exp(linear_predictor(intercept, slopes, np.clip(Z, low, high)))


def boosted(horizon: int, linear: int) -> Fit:
    """Trees on all columns, started from the smeared regression on the first `linear` ones."""
    parameters = tree_parameters("gamma", horizon, SETTINGS, seed=7)

    def fit(X: np.ndarray, y: np.ndarray) -> Forecast:
        start = smeared(X[:, :linear], y)
        data = lgb.Dataset(X, y, init_score=np.log(start(X[:, :linear])))
        trees = lgb.train(parameters, data, num_boost_round=SETTINGS.trees)
        return lambda Z: start(Z[:, :linear]) * np.exp(trees.predict(Z, raw_score=True, num_threads=1))

    return fit


def recurrent(
    start: np.ndarray, read: np.ndarray, y: np.ndarray, horizon: int, network: LstmSettings = NETWORK
) -> np.ndarray:
    """Networks that correct the smeared regression on `start` from the rows of `read` until now."""
    from pipeline.forecasts.lstm_training import learn

    known = np.isfinite(start).all(axis=1) & np.isfinite(y)
    corrections = []
    for begin in range(FIRST_FORECAST, len(y), YEAR):
        learned = max(begin - horizon + 1, 0)
        rows = known[:learned]
        linear = np.log(smeared(start[:learned][rows], y[:learned][rows])(start[:learned]))
        trained = learn(read[:learned], linear, y[:learned], horizon, network, seed=7)
        corrections.append(trained(read[: begin + YEAR])[begin:])
    return every_month(smeared, start, y, horizon) * np.exp(np.concatenate(corrections))


def combined(
    members: Mapping[str, np.ndarray], y: np.ndarray, horizon: int, newest: int | None = None
) -> np.ndarray:
    """Average the logarithms of forecasts, each refit weighting by the losses known, all or the newest."""
    forecasts = np.column_stack(list(members.values()))
    losses = np.column_stack([qlike(y, each) for each in members.values()])
    pieces = []
    for start in range(0, len(y), REFIT):
        known = max(start - horizon + 1, 0)
        first = 0 if newest is None else max(known - newest, 0)
        weights = inverse_loss_weights(losses[first : known if known > LEARNED else first])
        pieces.append(log_pool(forecasts[start : start + REFIT], weights))
    return np.concatenate(pieces)


DAILY = {"HAR": "har", "SHAR": "shar", "HARQ": "harq"}
LINEAR = {
    "log-HAR": "log-har",
    "log-SHARQ": "log-sharq",
    "log-SHARQ+": "plus",
    "linear L": "L",
    "linear V": "V",
    "linear LV": "LV",
}
TREES = {"lightgbm L": "L", "lightgbm V": "V", "lightgbm LV": "LV"}
NETWORKS = {"lstm log-HAR": ("log-har", ("day",)), "lstm L": ("L", ("L", "trees"))}
"""Inputs of the linear start, and what the networks read."""
POOLS = {
    "combination": ("linear L", "lightgbm L"),
    "combination + VIX": (*(f"linear {each}" for each in ("L", "V", "LV")), *TREES),
    "linear + VIX": ("linear L", "linear V", "linear LV"),
}
"""Inputs, clipping and members were chosen by the QLIKE of the forecasts made before 2006, which are among
those scored (figures from 2006 on stand beside): log-SHARQ+ as a further member, or one set of inputs alone,
had more at the three horizons."""
MODELS = (*NETWORKS, *TREES, *DAILY, *LINEAR)
"""The slow ones first, so that two processes end together."""
ROLLED = (*TREES, "linear L", "linear V", "linear LV", "log-SHARQ")
"""What Giacomini and White's test of the combinations needs on a rolling window too."""


def forecast(
    model: str, X: Mapping[str, np.ndarray], y: np.ndarray, horizon: int, newest: int | None = None
) -> np.ndarray:
    """Return the forecasts of one model from the first row that is forecast.

    `newest` is how many rows a rolling window holds; None for one that expands, as a daily refit always does.
    """
    if model in DAILY:
        return every_day(X[DAILY[model]], y, horizon)
    if model in LINEAR:
        return every_month(smeared, X[LINEAR[model]], y, horizon, newest)
    if model in NETWORKS:
        linear, read = NETWORKS[model]
        return recurrent(X[linear], np.column_stack([X[name] for name in read]), y, horizon)
    start = X[TREES[model]]
    both = np.column_stack([start, X["trees"]])
    return every_month(boosted(horizon, start.shape[1]), both, y, horizon, newest)


def ahead(data: pd.DataFrame, horizon: int) -> np.ndarray:
    """Mean realised variance of the next sessions, the target."""
    return data["RV"].rolling(horizon).mean().shift(-horizon).to_numpy()
