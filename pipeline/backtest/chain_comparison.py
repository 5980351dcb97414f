"""The walk-forward backtest on real option quotes: every hedger on the same deals."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.chain_deals import ChainDeals, chain_deals
from pipeline.backtest.chain_episodes import RIGHTS, chain_episodes, official_closes, starts_together
from pipeline.backtest.chain_panel import ChainPanel, chain_panel
from pipeline.backtest.chain_vega import vega_frontier
from pipeline.backtest.episodes import Episodes
from pipeline.backtest.index_moves import history_slopes
from pipeline.backtest.ledger import SOURCES, Ledger, book
from pipeline.backtest.policy_fit import fit_before, training_rows_of
from pipeline.backtest.result_tables import parameter_rows
from pipeline.backtest.stepping import band_along
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import Right
from pipeline.ingest.pieces import Pieces, anew
from pipeline.optimum.bands import keeps_bands
from pipeline.policies.catalogue import FLAGSHIP
from pipeline.policies.history_slope import HistorySlope
from pipeline.policies.served_networks import network_table, policies_on
from pipeline.policies.written import written

FEWEST_TRAINING_DAYS: Final = 5
"""Days with finished options, without which nothing is fitted."""
BOOKS: Final = ("pnl", "premium", "trading", "carry", "cost", *SOURCES, "payoff", "turnover", "trades")
LATE: Final = 1
"""Days with quotes by which the hedges of the delayed twin are late."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChainFold:
    """A tested window from day `first` of the panel on, and the deals (rows) to train on and to test on."""

    window: int
    first: int
    training: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class ChainSide:
    """The deals of one right as episodes, in the order of their start, and the folds over them."""

    right: Right
    deals: ChainDeals
    episodes: Episodes
    folds: tuple[ChainFold, ...]

    @property
    def tested(self) -> NDArray[np.int64]:
        """Rows of the deals of every test window."""
        return np.concatenate([fold.test for fold in self.folds])


def chain_sides(
    desk: ChainDesk, panel: ChainPanel, signals: pd.DataFrame, bars: pd.DataFrame
) -> tuple[ChainSide, ...]:
    """Return the deals of calls and of puts with what hedgers may learn from before each tested window.

    Raises
    ------
    DataError
        There is nothing to deal, to train on or to test.
    """
    close = official_closes(panel, bars)
    deals = chain_deals(panel, desk.option, close)
    if dropped := sum(deals.left_out.values()):
        log.info("chain: %d options were not dealt or could not be closed and are in no result", dropped)
    sides = []
    for right, sign in RIGHTS.items():
        own = deals.where(panel.right[deals.contract] == sign)
        episodes = chain_episodes(desk, panel, own, signals, close)
        sides.append(ChainSide(right, own, episodes, tuple(chain_folds(desk, panel, episodes))))
    return tuple(sides)


def chain_folds(desk: ChainDesk, panel: ChainPanel, episodes: Episodes) -> Iterator[ChainFold]:
    """Yield the tested windows in time order; each trains on what ended before its first day.

    Raises
    ------
    DataError
        There are too few finished options before `windows.test_start`, or none starts after it.
    """
    starts = window_starts(desk, panel.days)
    last = min(int(episodes.start.max()), starts.stop - 1)
    if starts.start > last:
        raise DataError(
            f"windows.test_start is {desk.windows.test_start}, the last option starts on "
            f"{panel.days[last].date()}: move it earlier"
        )
    for window, first in enumerate(start for start in starts if start <= last):
        training = np.flatnonzero(episodes.expiry < first)
        days = len(np.unique(episodes.start[training]))
        if days < FEWEST_TRAINING_DAYS:
            raise DataError(
                f"before {panel.days[first].date()} the options of {days} days are finished, "
                f"{FEWEST_TRAINING_DAYS} are needed: move windows.test_start later"
            )
        stop = min(first + desk.windows.refit_days, last + 1)
        inside = (episodes.start >= first) & (episodes.start < stop)
        yield ChainFold(window, first, training, np.flatnonzero(inside))


def window_starts(desk: ChainDesk, days: pd.DatetimeIndex) -> range:
    """Return the first days of the tested windows, as places among the days with quotes.

    It stops behind the last day whose options can be held to the end.
    """
    first = int(days.searchsorted(pd.Timestamp(desk.windows.test_start)))
    end = int(days.searchsorted(pd.Timestamp(desk.windows.test_end), side="right"))
    return range(first, min(end, len(days) - desk.option.hold_days), desk.windows.refit_days)


@keeps_bands
def run_chain(
    desk: ChainDesk, signals: Mapping[str, pd.DataFrame], pieces: Pieces = anew
) -> dict[str, pd.DataFrame | bytes]:
    """Fit and test every policy of the desk on the options dealt from a chain.

    Parameters
    ----------
    desk : settings.
    signals : the tables `signals`, `quoted`, `closes` and `history` of `chain_signals.learn_chain`.
    pieces : may know policies that were fitted on the same episodes before.

    Returns
    -------
    Tables `episodes` (one row a policy, delay and deal: hedged at the quotes that a trade is decided on, and
    with every order a day late; the opening hedge is dealt with the option in both), `tuned` (parameters by
    window, those of calls and of puts apart), `networks` (see `served_networks.network_table`), `left_out`
    (options not dealt or not closed), `vega` (see `chain_vega`), and the last fitted flagship of each right.
    """
    panel = chain_panel(signals["quoted"])
    results, tuned, files = [], [], {}
    sides = chain_sides(desk, panel, signals["signals"], signals["closes"])
    folds = max((side.folds for side in sides), key=len)
    starts = [panel.days[fold.first] for fold in folds]
    served = [policies_on(desk, day.date(), day) for day in starts]
    if HistorySlope.name in served[0]:
        slopes = HistorySlope(*history_slopes(signals["history"], panel.days[0], desk.market.atm_ratio))
        served = [policies | {HistorySlope.name: slopes} for policies in served]
    for side in sides:
        settings = desk.of_episodes(starts_together(side.deals))
        known = {fold.window: training_rows_of(side.episodes, fold.training) for fold in side.folds}
        for name in served[0]:
            started = time.perf_counter()
            for fold in side.folds:
                found = fit_before(settings, served[fold.window][name], known[fold.window], pieces)
                state = side.episodes.state.episodes(fold.test)
                market = side.episodes.market.episodes(fold.test)
                for delay in (0, LATE):
                    ledger = book(market, band_along(found.policy, state, market, delay), delay)
                    results.append(deal_rows(name, delay, panel, side, fold, ledger))
                rows = parameter_rows(fold.window, found.policy, found.score)
                tuned += [(window, of, f"{side.right}: {key}", *rest) for window, of, key, *rest in rows]
                if name == FLAGSHIP:
                    files[f"models/regime_switched_{side.right}.json"] = json.dumps(
                        written(found.policy)
                    ).encode()
            log.debug("%s of %ss: %.1f s", name, side.right, time.perf_counter() - started)
    left_out = sides[0].deals.left_out
    return {
        "episodes": pd.concat(results, ignore_index=True),
        "tuned": pd.DataFrame(tuned, columns=["window", "policy", "parameter", "value", "training_score"]),
        "networks": network_table(desk, [day.date() for day in starts]),
        "vega": vega_frontier(desk, panel, sides),
        "left_out": pd.DataFrame(left_out.items(), columns=["reason", "options"]),
        **files,
    }


def deal_rows(
    policy: str, delay: int, panel: ChainPanel, side: ChainSide, fold: ChainFold, ledger: Ledger
) -> pd.DataFrame:
    """Return the books of a fold's tested deals, with what was dealt, as rows of the table `episodes`."""
    deals = side.deals.where(fold.test)
    contracts = panel.contracts.iloc[deals.contract]
    price = side.episodes.market.price[fold.test, :, 0]
    dealt: Mapping[str, object] = {
        "policy": policy,
        "delay": delay,
        "right": side.right,
        "start": panel.days.to_numpy()[deals.start],
        "window": fold.window,
        "regime": side.episodes.state.regime_prob[fold.test, 0].argmax(axis=-1),
        **{name: contracts[name].to_numpy() for name in ("root", "expiry", "strike")},
        "tenor": deals.tenor,
        "delta": deals.delta,
        "settled": deals.settled,
        "market_return": price[:, -1] / price[:, 0] - 1.0,
    }
    return pd.DataFrame({**dealt, **{name: getattr(ledger, name) for name in BOOKS}})
