"""Which listed options are dealt on which day of a chain, at which quotes, and how each ends."""

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.backtest.chain_panel import ChainPanel
from pipeline.backtest.quote_arbitrage import at_odds
from pipeline.domain.chain_desk import ChainOption
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.ingest.option_contract import AM
from pipeline.pricing import black

NEAREST_DELTA: Final = 0.05
"""Largest distance of a contract's delta from the one that is asked for."""
NO_EXIT: Final = "no quote to close at"
AT_ODDS: Final = "quoted at an arbitrage against its neighbours"


@dataclass(frozen=True)
class ChainDeals:
    """N options dealt, in the order of their start.

    Attributes
    ----------
    contract, start : [N] row and column of the panel; `end` = `start` + the days held.
    entry, exit : [N] money an option, at the quotes that the desk's side has to take.
    settled : [N] whether it expired on its last day, at the close, instead of being closed at a quote.
    tenor : [N] days asked for, and `delta` [N], absolute.
    left_out : options that were not dealt or could not be closed, by reason: they are in no result.
    """

    contract: NDArray[np.int64]
    start: NDArray[np.int64]
    entry: FloatArray
    exit: FloatArray
    settled: NDArray[np.bool_]
    tenor: NDArray[np.int64]
    delta: FloatArray
    left_out: dict[str, int]

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "ChainDeals":
        """Return some deals only."""
        arrays = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "left_out"}
        return replace(self, **{name: array[chosen] for name, array in arrays.items()})


def chain_deals(panel: ChainPanel, option: ChainOption, close: FloatArray) -> ChainDeals:
    """Deal one option of each tenor, delta and right on every day that leaves room to hold it.

    An option must live through its last day: one that settles at the close (SPXW) may expire on it and is
    settled at `close`; one that settles at the open (SPX) has to expire later, for no opening prices are in
    the data. Every other one is closed at its last day's ask or bid. Contracts that two deltas share are
    dealt once. One whose quote is part of an arbitrage on its first day (`quote_arbitrage.at_odds`) is not
    dealt, nor another in its place; what is quoted on its last day is what closing costs.

    Parameters
    ----------
    panel : the chain.
    option : what to deal.
    close : [D] official close of the underlying on the panel's days.

    Raises
    ------
    DataError
        Nothing can be dealt.
    """
    hold, delta = option.hold_days, call_deltas(panel)
    picked = [
        (contract, day, tenor, target)
        for day in range(len(panel.days) - hold)
        for contract, tenor, target in _picked(panel, option, delta, day)
    ]
    if not picked:
        raise DataError(
            f"no option of option.tenor_days and option.deltas can be held for {hold} days: the chain has "
            f"{len(panel.days)} days with quotes"
        )
    contract, start, tenor, wanted = (np.array(each) for each in zip(*picked, strict=True))
    end = start + hold
    settled = (panel.contracts["expiry"].to_numpy()[contract] == panel.days.to_numpy()[end]) & ~_at_open(
        panel
    )[contract]
    short = option.side == "short"
    entry = (panel.bid if short else panel.ask)[contract, start]
    quote = (panel.ask if short else panel.bid)[contract, end]
    payoff = np.maximum(panel.right[contract] * (close[end] - panel.strike[contract]), 0.0)
    leave = np.where(settled, payoff, quote)
    odd = _at_odds(panel, contract, start)
    known = np.isfinite(leave)
    left_out = {NO_EXIT: int((~known & ~odd).sum()), AT_ODDS: int(odd.sum())}
    deals = ChainDeals(contract, start, entry, leave, settled, tenor, wanted, left_out)
    return deals.where(known & ~odd)


def call_deltas(panel: ChainPanel) -> FloatArray:
    """Return Black's forward delta of a call at each contract's strike, [C, D]."""
    return black.delta("call", panel.forward, panel.strike[:, None], panel.time, panel.vol)


def _at_odds(panel: ChainPanel, contract: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.bool_]:
    found = np.zeros(len(contract), dtype=bool)
    for day in np.unique(start):
        dealt = start == day
        found[dealt] = at_odds(panel, int(day))[contract[dealt]]
    return found


def _at_open(panel: ChainPanel) -> NDArray[np.bool_]:
    return np.asarray(panel.contracts["settlement"] == AM)


def _picked(
    panel: ChainPanel, option: ChainOption, call_delta: FloatArray, day: int
) -> list[tuple[int, int, float]]:
    """Return contract, tenor and delta of what is dealt on one day, known from that day's quotes alone.

    How long an option lives is in its contract; the last day it has to reach is the one that the exchange's
    calendar and the desk's files say.
    """
    expiry, last = panel.contracts["expiry"], panel.days[day + option.hold_days]
    lives = (expiry > last) | ((expiry == last) & ~_at_open(panel))
    sides = panel.right[:, None] > 0
    size = np.abs(np.where(sides, call_delta[:, [day]], call_delta[:, [day]] - 1.0))[:, 0]
    quoted = (panel.bid[:, day] > 0.0) & np.isfinite(panel.ask[:, day]) & np.isfinite(size)
    offered = np.flatnonzero(lives.to_numpy() & quoted)
    left = (expiry.to_numpy()[offered] - panel.days.to_numpy()[day]) / np.timedelta64(1, "D")
    found: dict[int, tuple[int, float]] = {}
    for tenor in option.tenor_days:
        if not len(left):
            break
        off = np.abs(left - tenor)
        if off.min() > option.tenor_tolerance * tenor:
            continue
        chosen = offered[off == off.min()]
        root = panel.contracts["root"].to_numpy()[chosen]
        chosen = chosen[root == root.max()]  # of two roots with one expiry the one that settles at the close
        for right in (1, -1):
            own = chosen[panel.right[chosen] == right]
            for target in option.deltas:
                away = np.abs(size[own] - target)
                if len(own) and away.min() <= NEAREST_DELTA:
                    found.setdefault(int(own[away.argmin()]), (tenor, target))
    return [(contract, tenor, target) for contract, (tenor, target) in found.items()]


def sessions_to(
    expiry: pd.DatetimeIndex, day: pd.DatetimeIndex, sessions: pd.DatetimeIndex
) -> NDArray[np.int64]:
    """Return how many sessions come after `day` up to `expiry`, at least 1; both broadcast.

    Examples
    --------
    >>> sessions = pd.bdate_range("2019-05-27", "2019-06-07")
    >>> sessions_to(pd.DatetimeIndex(["2019-06-07"]), pd.DatetimeIndex(["2019-05-31"]), sessions)
    array([5])
    """
    count = sessions.searchsorted(expiry, side="right") - sessions.searchsorted(day, side="right")
    return np.maximum(np.asarray(count, dtype=np.int64), 1)
