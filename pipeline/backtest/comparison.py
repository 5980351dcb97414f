"""The walk-forward backtest: every hedger fitted on finished episodes, then hedging those that follow."""

import json
import logging
import time
from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.book_view import tested_episodes, view_book
from pipeline.backtest.detector_value import hedge_on_rivals
from pipeline.backtest.episodes import Episodes, build_episodes
from pipeline.backtest.folds import walk_forward_folds
from pipeline.backtest.frontier import aversions, frontier
from pipeline.backtest.holdings import held_positions
from pipeline.backtest.ledger import Ledger, book, book_by_fill
from pipeline.backtest.policy_fit import fit_before, training_rows_of
from pipeline.backtest.result_tables import parameter_rows, path_rows, result_rows
from pipeline.backtest.stepping import band_along
from pipeline.domain.desk import Desk
from pipeline.ingest.pieces import Pieces, anew
from pipeline.optimum.bands import keeps_bands
from pipeline.policies.base import Policy, reads_position
from pipeline.policies.catalogue import FLAGSHIP, desk_policies
from pipeline.policies.served_networks import network_table, policies_on
from pipeline.policies.written import written

log = logging.getLogger(__name__)


@keeps_bands
def run_backtest(
    desk: Desk,
    signals: Mapping[str, pd.DataFrame],
    positions: Mapping[str, pd.DataFrame] | None = None,
    pieces: Pieces = anew,
) -> dict[str, pd.DataFrame | bytes]:
    """Fit and test every policy of the desk over the test windows.

    At each window a policy is fitted on episodes that expired before it (less the embargo), and hedges the
    episodes that start in it, once at the desk's delay and once a session later. `pieces` may know policies
    that were fitted on the same episodes before.

    Returns
    -------
    Tables `episodes` (one row a policy, delay and start), `path` (every policy through the most turbulent
    test episode), `tuned` (parameters by window), `networks` (see `served_networks.network_table`),
    `frontier` (see `frontier`; empty where the desk asks for none), `detector_episodes` (the flagship on the
    regimes of the desk's other detectors; empty where it is not run), `book`, `explained` and `replays` (see
    `book_view`; the book is the table `positions` if given, else the rolling programme), `positions` and
    `held_back` (see `ingest.positions`; empty for a rolling programme), and the last fitted flagship.

    Raises
    ------
    DataError
        A test window has no episode, or less than a year of sessions to train on before it.
    """
    sessions = signals["signals"]
    holdings = None if positions is None else held_positions(positions["positions"], sessions)
    desk_policies(desk)  # refused before anything is hedged
    episodes = build_episodes(desk, sessions)
    folds = walk_forward_folds(desk, sessions, episodes)
    starts = {fold.window: _first_day(sessions, fold.window) for fold in folds}
    served = {window: policies_on(desk, day, pd.Timestamp(day)) for window, day in starts.items()}
    policies = tuple(served[folds[0].window])
    log.info("backtest: %d policies over %d windows", len(policies), len(folds))
    stressed = _most_turbulent(episodes, np.concatenate([fold.test for fold in folds]))
    dates = sessions["session"].to_numpy()
    known = {fold.window: training_rows_of(episodes, fold.training) for fold in folds}

    results, paths, tuned, files = [], [], [], {}
    fits: dict[str, dict[int, Policy]] = {name: {} for name in policies}
    ledgers: dict[str, list[Ledger]] = {name: [] for name in policies}
    for name in policies:
        started = time.perf_counter()
        for fold in folds:
            found = fit_before(desk, served[fold.window][name], known[fold.window], pieces)
            fitted = fits[name][fold.window] = found.policy
            state, market = episodes.state.episodes(fold.test), episodes.market.episodes(fold.test)
            delay = desk.hedge.delay_sessions
            band = band_along(fitted, state, market, delay, desk.limits)
            late_band = band
            if reads_position(fitted):
                late_band = band_along(fitted, state, market, delay + 1, desk.limits)
            ledger, late = book_by_fill(market, band, delay), book(market, late_band, delay + 1)
            ledgers[name].append(ledger)
            results.append(result_rows(name, delay, fold, episodes, dates, ledger))
            results.append(result_rows(name, delay + 1, fold, episodes, dates, late))
            if stressed in fold.test:
                row = int(np.flatnonzero(fold.test == stressed)[0])
                days = dates[episodes.start[stressed] :]
                paths.append(path_rows(name, days, state.forward[row], band, ledger, row))
            tuned += parameter_rows(fold.window, fitted, found.score)
            if name == FLAGSHIP:
                files["models/regime_switched.json"] = json.dumps(written(fitted)).encode()
        log.debug("%s: %d windows in %.1f s", name, len(folds), time.perf_counter() - started)
    return {
        "episodes": pd.concat(results, ignore_index=True),
        "path": pd.concat(paths, ignore_index=True),
        "tuned": pd.DataFrame(tuned, columns=["window", "policy", "parameter", "value", "training_score"]),
        "detector_episodes": hedge_on_rivals(desk, sessions, signals["rival_regimes"], pieces),
        "frontier": frontier(desk, episodes, folds, served, aversions(desk, desk.evaluation.frontier)),
        "networks": network_table(desk, list(starts.values())),
        **view_book(desk, sessions, episodes, tested_episodes(folds, ledgers), fits, holdings),
        "positions": pd.DataFrame(columns=["row"]) if positions is None else positions["positions"],
        "held_back": pd.DataFrame(columns=["row"]) if positions is None else positions["quarantine"],
        **files,
    }


def _first_day(sessions: pd.DataFrame, window: int) -> date:
    day: date = sessions["session"][sessions["window"] == window].iloc[0].date()
    return day


def _most_turbulent(episodes: Episodes, rows: NDArray[np.int64]) -> int:
    moves = np.diff(np.log(episodes.state.forward[rows]), axis=1)
    return int(rows[np.argmax((moves**2).sum(axis=1))])
