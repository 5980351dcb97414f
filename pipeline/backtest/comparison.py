"""The walk-forward backtest: every hedger fitted on finished episodes, then hedging those that follow."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.episodes import Episodes, build_episodes
from pipeline.backtest.ledger import Ledger, book
from pipeline.domain.band import Band
from pipeline.domain.desk import Desk
from pipeline.domain.errors import DataError
from pipeline.domain.risk_measures import measure
from pipeline.forecasts.harness import training_rows
from pipeline.policies.base import Policy, Score, Training
from pipeline.policies.catalogue import FLAGSHIP, desk_policies

FEWEST_TRAINING_SESSIONS = 252
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Fold:
    """One tested window: its number and the episodes (rows) to train on and to test on."""

    window: int
    training: NDArray[np.int64]
    test: NDArray[np.int64]


def run_backtest(desk: Desk, signals: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame | bytes]:
    """Fit and test every policy of the desk over the test windows.

    At each window a policy is fitted on episodes that expired before it (less the embargo), and hedges the
    episodes that start in it, once at the desk's delay and once a session later.

    Returns
    -------
    Tables `episodes` (one row a policy, delay and start), `path` (every policy through the most turbulent
    test episode) and `tuned` (parameters by window), and the last fitted flagship.

    Raises
    ------
    DataError
        A test window has no episode, or less than a year of sessions to train on before it.
    """
    sessions = signals["signals"]
    policies = desk_policies(desk)
    episodes = build_episodes(desk, sessions)
    folds = _folds(desk, sessions, episodes)
    log.info("backtest: %d policies over %d windows", len(policies), len(folds))
    stressed = _most_turbulent(episodes, np.concatenate([fold.test for fold in folds]))
    dates = sessions["session"].to_numpy()

    results, paths, tuned, files = [], [], [], {}
    for name, policy in policies.items():
        started = time.perf_counter()
        for fold in folds:
            training = _training(desk, episodes, fold.training)
            fitted = policy.fit(training)
            state, market = episodes.state.episodes(fold.test), episodes.market.episodes(fold.test)
            band = fitted.band(state).checked(name)
            for delay in (desk.hedge.delay_sessions, desk.hedge.delay_sessions + 1):
                ledger = book(market, band, delay)
                results.append(_result(name, delay, fold, episodes, dates, ledger))
                if stressed in fold.test and delay == desk.hedge.delay_sessions:
                    row = int(np.flatnonzero(fold.test == stressed)[0])
                    paths.append(
                        _path(name, dates[episodes.start[stressed] :], state.forward[row], band, ledger, row)
                    )
            tuned += _parameters(fold.window, fitted, training)
            if name == FLAGSHIP:
                files["models/regime_switched.json"] = json.dumps(fitted.parameters()).encode()
        log.debug("%s: %d windows in %.1f s", name, len(folds), time.perf_counter() - started)
    return {
        "episodes": pd.concat(results, ignore_index=True),
        "path": pd.concat(paths, ignore_index=True),
        "tuned": pd.DataFrame(tuned, columns=["window", "policy", "parameter", "value", "training_score"]),
        **files,
    }


def scorer(desk: Desk, episodes: Episodes, rows: NDArray[np.int64]) -> Callable[[Policy], Score]:
    """Return the function that hedges some episodes with a policy and gives the desk's risk measure.

    The mean return of the hedge instrument over these episodes is taken out of the hedge's gains, so that a
    policy is chosen for the risk it removes and not for leaning with the drift of a few years.
    """
    state, market = episodes.state.episodes(rows), episodes.market.episodes(rows)
    drift = float(np.mean(np.diff(market.price, axis=1) / market.price[:, :-1]))
    exposure = drift * market.price[:, :-1]

    blocks = np.array_split(np.arange(len(rows)), max(4, len(rows) // desk.evaluation.block_sessions))

    def score(policy: Policy) -> Score:
        ledger = book(market, policy.band(state), desk.hedge.delay_sessions)
        pnl = ledger.pnl - (ledger.position * exposure).sum(axis=(1, 2))
        value, *parts = (float(measure(pnl[part], desk.risk)) for part in (slice(None), *blocks))
        return Score(value, np.array(parts))

    return score


def _training(desk: Desk, episodes: Episodes, rows: NDArray[np.int64]) -> Training:
    return Training(episodes.state.episodes(rows), scorer(desk, episodes, rows), desk.policies.budget)


def _folds(desk: Desk, sessions: pd.DataFrame, episodes: Episodes) -> list[_Fold]:
    last = int(sessions["session"].searchsorted(pd.Timestamp(desk.windows.test_end), side="right")) - 1
    window_of = sessions["window"].to_numpy()[episodes.start]
    tested = sessions.loc[sessions["tested"], "window"].unique()
    folds = []
    for window in tested:
        boundary = int(np.flatnonzero(sessions["window"] == window)[0])
        learned = training_rows(episodes.expiry, boundary, desk.windows.embargo_sessions)
        training = np.flatnonzero(learned)
        test = np.flatnonzero((window_of == window) & (episodes.expiry <= last))
        span = episodes.expiry[training[-1]] - episodes.start[training[0]] if len(training) else 0
        if span < FEWEST_TRAINING_SESSIONS:
            day = sessions["session"].iloc[boundary].date()
            raise DataError(
                f"the test window that starts on {day} has {span} sessions of finished episodes before it to "
                f"train on, {FEWEST_TRAINING_SESSIONS} are needed: move windows.test_start later or "
                "windows.signals_start earlier"
            )
        if len(test):
            folds.append(_Fold(int(window), training, test))
    if not folds:
        raise DataError(
            f"no episode of {desk.option.sessions} sessions starts and ends between windows.test_start "
            f"{desk.windows.test_start} and windows.test_end {desk.windows.test_end}: widen the test period"
        )
    return folds


def _most_turbulent(episodes: Episodes, rows: NDArray[np.int64]) -> int:
    moves = np.diff(np.log(episodes.state.forward[rows]), axis=1)
    return int(rows[np.argmax((moves**2).sum(axis=1))])


def _result(
    policy: str, delay: int, fold: _Fold, episodes: Episodes, dates: NDArray[np.datetime64], ledger: Ledger
) -> pd.DataFrame:
    regime = episodes.state.regime_prob[fold.test, 0].argmax(axis=-1)
    books = ("pnl", "premium", "trading", "carry", "cost", "payoff", "turnover", "trades")
    return pd.DataFrame(
        {
            "policy": policy,
            "delay": delay,
            "start": dates[episodes.start[fold.test]],
            "window": fold.window,
            "regime": regime,
            **{name: getattr(ledger, name) for name in books},
        }
    )


def _path(
    policy: str,
    dates: NDArray[np.datetime64],
    spot: NDArray[np.float64],
    band: Band,
    ledger: Ledger,
    row: int,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "session": dates[: len(spot)],
            "policy": policy,
            "spot": spot,
            "lower": band.lower[row, :, 0],
            "upper": band.upper[row, :, 0],
            "position": ledger.position[row, :, 0],
        }
    )


def _parameters(window: int, policy: Policy, training: Training) -> list[tuple[int, str, str, float, float]]:
    score = training.score(policy).value
    return [(window, policy.name, key, value, score) for key, value in policy.parameters().items()]
