"""A desk's own orders that crossed a market, and what was seen when each was decided, out of its journals."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from pipeline.domain.orders import OTHER, Order, Report
from pipeline.domain.own_settings import OwnData
from pipeline.features.book_at import nanoseconds
from pipeline.features.decision_times import SECOND
from pipeline.live.account import replayed
from pipeline.live.journal import Journal

PAPER_FILLS: Final = "filled by the paper venue, or in a rehearsal"
ROUTED: Final = "filled at the second venue of a router, whose prices no decision tells"
RESTED: Final = "with a limit, which may have rested"
UNSEEN: Final = "without best prices at the decision"
EARLY: Final = "filled before they were decided: the clocks differ"
LATE: Final = "filled over an hour after they were decided: another clock, or a replay"
LONGEST: Final = 3600.0
Quotes = Mapping[int, tuple[float, float]]
"""Best bid and ask by the time of a decision, ns since 1970 UTC."""


class OwnOrder(NamedTuple):
    """An order without a limit that was filled, at the mean price of its fills.

    Attributes
    ----------
    decided, known : ns since 1970 UTC, when it was decided and when the last of its fills was known.
    side, units : +1 buys; units of the underlying, without a sign.
    price, mid : money; the mid of the decision, NaN where it is not told.
    half_spread : quoted at the decision, a fraction of the mid; NaN where it is not told.
    wait : seconds from that mid to the first fill; NaN where it is not told.
    latency : seconds from the decision to the first fill; NaN where it is not told.
    """

    decided: int
    known: int
    side: float
    units: float
    price: float
    mid: float
    half_spread: float
    wait: float
    latency: float


class OwnOrders(NamedTuple):
    """Own orders, a row each, and how many of each reason nothing can be learned from."""

    rows: pd.DataFrame
    refused: dict[str, int]


def own_orders(found: Iterable[OwnOrder | str]) -> OwnOrders:
    """Return orders by the time at which they were known, and count those of which there is a reason."""
    refused: Counter[str] = Counter()
    rows = []
    for each in found:
        if isinstance(each, str):
            refused[each] += 1
        else:
            rows.append(each)
    table = pd.DataFrame(rows, columns=list(OwnOrder._fields))
    table = table.astype({name: np.int64 if name in ("decided", "known") else float for name in table})
    return OwnOrders(
        table.sort_values(["known", "decided"], ignore_index=True), dict(sorted(refused.items()))
    )


def of_journals(files: Iterable[Path], desk: str, *, paper: bool) -> Iterator[OwnOrder | str]:
    """Yield the orders of a desk's journals that are over and were filled, or why one teaches nothing.

    Parameters
    ----------
    files : journals; one that is written meanwhile is read as it is.
    desk : whose they are.
    paper : whether fills of the paper venue count.

    Raises
    ------
    JournalError
        One cannot be read.
    """
    for file in files:
        with Journal(file, desk, now=0, writing=False) as journal:
            told = journal.reports()
            account = replayed(journal.orders(), told)
            quotes = {
                each.at: (_price(each.inputs["bid"]), _price(each.inputs["ask"]))
                for each in journal.entries()
                if {"bid", "ask"} <= each.inputs.keys()
            }
        fills: dict[str, list[Report]] = {}
        for report in told:
            if report.filled:
                fills.setdefault(report.order_id, []).append(report)
        for order_id, own in fills.items():
            progress = account.orders.get(order_id)
            if progress is not None and progress.standing.over:
                yield crossed(progress.order, own, quotes, paper=paper)


def _price(told: float | None) -> float:
    """Return a price of the audit, in which one that is none is None."""
    return math.nan if told is None else told


def crossed(order: Order, fills: list[Report], quotes: Quotes, *, paper: bool) -> OwnOrder | str:
    """Return what came of an order, or why nothing can be learned from it.

    A market that tells time to the second tells nothing of latency.

    Examples
    --------
    >>> from pipeline.domain.orders import Standing
    >>> order, second = Order("a", "BTC", 2.0, decided=1_000_000_000), 1_000_000_000
    >>> fills = [Report("m1", "a", Standing.FILLED, filled=2.0, price=100.5, time=second + 50_000_000)]
    >>> found = crossed(order, fills, {second: (99.0, 101.0)}, paper=False)
    >>> found.latency, found.half_spread, found.side * (found.price / found.mid - 1.0)
    (0.05, 0.01, 0.004999999999999893)
    >>> crossed(order, fills, {}, paper=False)
    'without best prices at the decision'
    """
    if any(each.simulated for each in fills) and not paper:
        return PAPER_FILLS
    if any(each.venue == OTHER for each in fills):
        return ROUTED
    if order.limit is not None:
        return RESTED
    bid, ask = quotes.get(order.decided, (math.nan, math.nan))
    if not bid < ask:
        return UNSEEN
    first = 1e-9 * (min(each.time for each in fills) - order.decided)
    to_the_second = all(each.time % SECOND == 0 for each in fills)
    if not (-1.0 if to_the_second else 0.0) <= first <= LONGEST:
        return EARLY if first < 0.0 else LATE
    units = sum(abs(each.filled) for each in fills)
    mid = 0.5 * (bid + ask)
    return OwnOrder(
        decided=order.decided,
        known=max(each.time for each in fills),
        side=math.copysign(1.0, order.quantity),
        units=units,
        price=sum(abs(each.filled) * each.price for each in fills) / units,
        mid=mid,
        half_spread=0.5 * (ask - bid) / mid,
        wait=math.nan if to_the_second else first,
        latency=math.nan if to_the_second else first,
    )


def of_files(fills: pd.DataFrame, own: OwnData) -> Iterator[OwnOrder]:
    """Yield the orders of a desk's own files of fills, those of one order id and side together.

    A file does not say when an order was decided, so nothing is learned of latency; a mid that it tells is
    that of the fill.

    Parameters
    ----------
    fills : the canonical table.
    own : which instrument, and its multiplier.
    """
    rows = fills[fills["instrument"] == own.instrument]
    alone = np.arange(len(rows)).astype(str)
    told = rows["order_id"].to_numpy(dtype=str)
    key = np.where(told == "", alone, np.char.add("id ", told))
    for _, each in rows.groupby([key, rows["side"].to_numpy()], sort=False):
        size, price, mid = (each[name].to_numpy(float) for name in ("size", "price", "mid"))
        yield OwnOrder(
            decided=int(nanoseconds(each["event_time"]).min()),
            known=int(nanoseconds(each["known_time"]).max()),
            side=float(each["side"].iloc[0]),
            units=float(size.sum()) * own.multiplier,
            price=float(price @ size / size.sum()),
            mid=float(mid @ size / size.sum()),
            half_spread=math.nan,
            wait=math.nan if math.isnan(mid.sum()) else 0.0,
            latency=math.nan,
        )
