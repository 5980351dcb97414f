"""The book view: every hedger on the net position of a book, day by day, and through days of stress."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.attribution import RULE_DAYS, attribution
from pipeline.backtest.book import build_book
from pipeline.backtest.by_window import ByWindow
from pipeline.backtest.daily import daily_books, daily_table
from pipeline.backtest.episodes import Episodes
from pipeline.backtest.explain import Revaluation, revalue
from pipeline.backtest.folds import Fold
from pipeline.backtest.holdings import Holdings, rolling_programme
from pipeline.backtest.ledger import Ledger, book_by_fill, joined
from pipeline.backtest.stepping import band_along, options_cash
from pipeline.domain.band import Band
from pipeline.domain.book_settings import StressWindow
from pipeline.domain.desk import Desk
from pipeline.policies.base import Policy
from pipeline.policies.catalogue import BENCHMARK

log = logging.getLogger(__name__)

Fitted = Mapping[str, Mapping[int, Policy]]
"""Hedgers by name and by the test window that each was fitted before."""


@dataclass(frozen=True)
class TestedEpisodes:
    """The episodes that were tested: `rows` of all episodes, the window of each, and each hedger's books.

    `ledgers` are by policy, at the desk's own delay, with the books of every fill.
    """

    rows: NDArray[np.int64]
    window: NDArray[np.int64]
    ledgers: Mapping[str, Ledger]


def tested_episodes(folds: Sequence[Fold], ledgers: Mapping[str, Sequence[Ledger]]) -> TestedEpisodes:
    """Return the episodes of all folds, with what each hedger's ledgers of these folds say."""
    return TestedEpisodes(
        np.concatenate([fold.test for fold in folds]),
        np.concatenate([np.full(len(fold.test), fold.window) for fold in folds]),
        {name: joined(own) for name, own in ledgers.items()},
    )


def view_book(
    desk: Desk,
    sessions: pd.DataFrame,
    episodes: Episodes,
    tested: TestedEpisodes,
    fitted: Fitted,
    holdings: Holdings | None,
) -> dict[str, pd.DataFrame]:
    """Return the tables `book`, `explained` (both views) and `replays`.

    The book is `holdings`, or without any the desk's rolling programme: its option at every tested start.
    """
    started = time.perf_counter()
    held_options = holdings or rolling_programme(desk, sessions, episodes.start[tested.rows])
    book_days, explained = hedge_book(desk, sessions, held_options, fitted)
    of_episodes = explain_episodes(episodes, tested)
    replays = replay_episodes(desk, sessions, episodes, tested, fitted)
    log.info("book: %d options in %.1f s", len(held_options.start), time.perf_counter() - started)
    return {
        "book": book_days,
        "explained": pd.concat([explained, of_episodes], ignore_index=True),
        "replays": replays,
    }


def hedge_book(
    desk: Desk, sessions: pd.DataFrame, holdings: Holdings, fitted: Fitted
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hedge a book with every policy along one path, each window with the policies fitted before it.

    Returns
    -------
    `book` (one row a policy and step: `session` when it is decided, `next_session` when it ends, `options`
    held, the band, and the columns of `daily.daily_table`) and `explained` (one row a policy, see
    `attribution.attribution`).
    """
    held_book = build_book(desk, sessions, holdings)
    market = held_book.market
    revaluation = revalue(held_book.state, held_book.step_end, np.diff(market.price[..., 0], axis=1))
    dates, windows = (sessions[name].to_numpy()[held_book.rows] for name in ("session", "window"))
    tables, explained = [], []
    for name, by_window in fitted.items():
        hedger, delay = ByWindow(name, by_window, windows[:-1]), desk.hedge.delay_sessions
        cash = options_cash(held_book.flow, market.interest)
        band = band_along(hedger, held_book.state, market, delay, desk.limits, cash)
        ledger = book_by_fill(market, band, delay)
        books = daily_books(market, ledger, revaluation, held_book.flow, held_book.dealt)
        table = daily_table(books, revaluation, market, ledger.position[..., 0], desk.book.margin_rate)
        tables.append(_dated(name, dates, band, table).assign(options=held_book.options))
        explained.append(
            {"view": "book", "policy": name, **attribution(books, revaluation.change, RULE_DAYS)}
        )
    return pd.concat(tables, ignore_index=True), pd.DataFrame(explained)


def explain_episodes(episodes: Episodes, tested: TestedEpisodes) -> pd.DataFrame:
    """Return `explained` for the episodes: one row a policy, over all steps of all tested episodes."""
    state, market = episodes.state.episodes(tested.rows), episodes.market.episodes(tested.rows)
    revaluation = _revaluation(episodes, tested.rows)
    flow = np.zeros((len(tested.rows), state.shape[1] + 1))
    flow[:, 0] = market.premium
    rows = [
        {
            "view": "episodes",
            "policy": name,
            **attribution(daily_books(market, ledger, revaluation, flow), revaluation.change),
        }
        for name, ledger in tested.ledgers.items()
    ]
    return pd.DataFrame(rows)


def replay_episodes(
    desk: Desk,
    sessions: pd.DataFrame,
    episodes: Episodes,
    tested: TestedEpisodes,
    fitted: Fitted,
) -> pd.DataFrame:
    """Return the whole life of the worst tested episode in each window of stress, one row a policy and step.

    The worst is the one on which delta hedging lost most of those alive on a day of the window. Columns are
    those of `book`, and `stress`, the window's name. A window that is not all tested has no rows.
    """
    days = pd.DatetimeIndex(sessions["session"])
    tables = [
        _replayed(desk, window.name, days, episodes, tested, worst, fitted)
        for window in desk.evaluation.stress
        if (worst := _worst(window, days, episodes, tested)) is not None
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"stress": [], "policy": []})


def all_inside(window: StressWindow, days: pd.DatetimeIndex) -> bool:
    """Tell whether a window of stress lies inside a span of sessions, whole."""
    return bool(days[0] <= pd.Timestamp(window.start) and pd.Timestamp(window.end) <= days[-1])


def _worst(
    window: StressWindow,
    days: pd.DatetimeIndex,
    episodes: Episodes,
    tested: TestedEpisodes,
) -> int | None:
    """Return the place among the tested episodes of the worst one of a window; None if it is not tested."""
    start, expiry = episodes.start[tested.rows], episodes.expiry[tested.rows]
    if not all_inside(window, days[start.min() : expiry.max() + 1]):
        return None
    first, last = (days.searchsorted(pd.Timestamp(day)) for day in (window.start, window.end))
    alive = np.flatnonzero((start < last) & (expiry > first))
    return int(alive[np.argmin(tested.ledgers[BENCHMARK].pnl[alive])]) if len(alive) else None


def _replayed(
    desk: Desk,
    stress: str,
    days: pd.DatetimeIndex,
    episodes: Episodes,
    tested: TestedEpisodes,
    place: int,
    fitted: Fitted,
) -> pd.DataFrame:
    row = tested.rows[[place]]
    state, market = episodes.state.episodes(row), episodes.market.episodes(row)
    revaluation = _revaluation(episodes, row)
    flow = np.zeros((1, state.shape[1] + 1))
    flow[0, 0] = market.premium[0]
    dates = days[int(episodes.start[row[0]]) : int(episodes.expiry[row[0]]) + 1].to_numpy()
    tables = []
    for name, by_window in fitted.items():
        policy = by_window[int(tested.window[place])]
        band = band_along(policy, state, market, desk.hedge.delay_sessions, desk.limits)
        ledger = tested.ledgers[name].episodes(np.array([place]))
        books = daily_books(market, ledger, revaluation, flow)
        table = daily_table(books, revaluation, market, ledger.position[..., 0], desk.book.margin_rate)
        tables.append(_dated(name, dates, band, table).assign(options=1, stress=stress))
    return pd.concat(tables, ignore_index=True)


def _revaluation(episodes: Episodes, rows: NDArray[np.int64]) -> Revaluation:
    price = episodes.market.price[rows, :, 0]
    return revalue(episodes.state.episodes(rows), episodes.step_end.episodes(rows), np.diff(price, axis=1))


def _dated(policy: str, dates: NDArray[np.datetime64], band: Band, table: pd.DataFrame) -> pd.DataFrame:
    labels = {
        "policy": policy,
        "session": dates[:-1],
        "next_session": dates[1:],
        "lower": band.lower[0, :, 0],
        "upper": band.upper[0, :, 0],
    }
    return pd.DataFrame(labels).join(table)
