"""The walk-forward backtest within the day: hedgers fitted on finished episodes, tested through the book."""

import json
import logging
import time
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from pipeline.backtest.episodes import Episodes
from pipeline.backtest.folds import Fold
from pipeline.backtest.frontier import aversions, frontier
from pipeline.backtest.intraday_episodes import build_intraday_episodes, intraday_folds
from pipeline.backtest.ledger import Ledger, book
from pipeline.backtest.policy_fit import fit_before, training_rows_of
from pipeline.backtest.result_tables import parameter_rows, path_rows, result_rows
from pipeline.backtest.stepping import band_along
from pipeline.domain.errors import DataError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.execution.arrivals import FAULTS
from pipeline.ingest.pieces import Pieces, anew
from pipeline.optimum.bands import keeps_bands
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.live_choice import FITTED
from pipeline.policies.served_networks import network_table, policies_on
from pipeline.policies.written import written

LATE = 1
"""Decisions by which the orders of the delayed twin are late."""
log = logging.getLogger(__name__)


@keeps_bands
def run_intraday(
    desk: IntradayDesk, signals: Mapping[str, pd.DataFrame], pieces: Pieces = anew
) -> dict[str, pd.DataFrame | bytes]:
    """Fit and test every policy of the desk over the test windows, through the book.

    Parameters
    ----------
    desk : settings.
    signals : the tables `signals` and `fills` of `intraday_signals.learn_intraday`.
    pieces : may know policies that were fitted on the same episodes before.

    Returns
    -------
    Tables `episodes` (one row a policy, delay and start: as it is, and with every order a decision late),
    `path` (every policy through the most turbulent tested episode), `tuned` (parameters by window),
    `frontier` (see `frontier`; empty where the desk asks for none), `networks` (see
    `served_networks.network_table`), `unfilled` (orders that the book did not
    fill, or not whole, a row a policy and reason), `left_out` (starts that could not be used), the last fit
    of every policy that can go live, `models/<policy>.json`, and the costs that their states have beside
    forecasts, `models/terms.json`.

    Raises
    ------
    DataError
        A test window has no episode, or too few finished ones before it.
    """
    table = signals["signals"]
    built = build_intraday_episodes(desk, table, signals["fills"])
    episodes = built.episodes
    folds = intraday_folds(desk, table, episodes)
    settings = desk.in_steps()
    desk_policies(desk)  # refused before anything is hedged
    starts = {fold.window: _first_day(table, fold.window) for fold in folds}
    served = {window: policies_on(desk, day, _first(table, window, "time")) for window, day in starts.items()}
    policies = tuple(served[folds[0].window])
    log.info("backtest: %d policies over %d windows", len(policies), len(folds))
    stressed = _most_turbulent(episodes, np.concatenate([fold.test for fold in folds]))
    times = table["time"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    known = {fold.window: training_rows_of(episodes, fold.training) for fold in folds}

    results, paths, tuned, unfilled, files = [], [], [], [], {}
    for name in policies:
        started = time.perf_counter()
        for fold in folds:
            found = fit_before(settings, served[fold.window][name], known[fold.window], pieces)
            state, market = episodes.state.episodes(fold.test), episodes.market.episodes(fold.test)
            band = band_along(found.policy, state, market)
            ledger, late = book(market, band), book(market, band, LATE)
            results.append(result_rows(name, 0, fold, episodes, times, ledger))
            results.append(result_rows(name, LATE, fold, episodes, times, late))
            unfilled.append(_unfilled(name, fold, ledger))
            if stressed in fold.test:
                row = int(np.flatnonzero(fold.test == stressed)[0])
                lived = times[episodes.start[stressed] :]
                paths.append(path_rows(name, lived, state.forward[row], band, ledger, row))
            tuned += parameter_rows(fold.window, found.policy, found.score)
            if name in FITTED:
                files[f"models/{name}.json"] = json.dumps(written(found.policy)).encode()
        log.debug("%s: %d windows in %.1f s", name, len(folds), time.perf_counter() - started)
    return {
        "episodes": pd.concat(results, ignore_index=True),
        "path": pd.concat(paths, ignore_index=True),
        "tuned": pd.DataFrame(tuned, columns=["window", "policy", "parameter", "value", "training_score"]),
        "frontier": frontier(
            settings,
            episodes,
            folds,
            served,
            aversions(settings, settings.evaluation.frontier),
        ),
        "networks": network_table(settings, list(starts.values())),
        "unfilled": pd.concat(unfilled, ignore_index=True),
        "left_out": pd.DataFrame(built.left_out.items(), columns=["reason", "starts"]),
        "models/terms.json": json.dumps(_terms(episodes)).encode(),
        **files,
    }


def _first_day(signals: pd.DataFrame, window: int) -> date:
    return date.fromisoformat(str(_first(signals, window, "day")))


def _first(signals: pd.DataFrame, window: int, column: str) -> Any:
    return signals.loc[signals["window"] == window, column].iloc[0]


def _terms(episodes: Episodes) -> dict[str, float]:
    """Return what the newest state has beside its forecasts: costs, and the years of a step."""
    state = episodes.state
    return {
        "desk_cost": float(state.desk_cost),
        "fixed_fee": float(np.ravel(state.fixed_fee)[-1]),
        "interval": float(state.interval),
    }


def _most_turbulent(episodes: Episodes, rows: np.ndarray) -> int:
    moves = np.diff(np.log(episodes.state.forward[rows]), axis=1)
    return int(rows[np.argmax((moves**2).sum(axis=1))])


def _unfilled(name: str, fold: Fold, ledger: Ledger) -> pd.DataFrame:
    if ledger.missed is None:
        raise DataError("the market of an intraday desk has no book")
    counts = ledger.missed.sum(axis=0)
    return pd.DataFrame(
        {
            "policy": name,
            "window": fold.window,
            "reason": list(FAULTS.values()),
            "orders": [int(counts[place]) for place in FAULTS],
            "filled": int(ledger.trades.sum()),
        }
    )
