"""What hedging a set of episodes with one policy earned, paid and held."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.backtest import book_kernel, booked, kernel
from pipeline.domain.band import Band
from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray
from pipeline.domain.rows import in_blocks
from pipeline.execution.arrivals import COUNTS, Arrivals
from pipeline.execution.terms import PLAIN, Terms

SOURCES = {
    "fee": booked.FEE,
    "spread": booked.SPREAD,
    "fixed_fee": booked.FIXED_FEE,
    "impact": booked.IMPACT,
}
"""What the cost is made of, and its place in the kernel's books."""


@dataclass(frozen=True)
class Market:
    """What N episodes of T steps go through while they are hedged: prices, costs, interest, payoff.

    Money is per unit of starting spot = 100. See `kernel.hedge_steps` for `price`, `cost`, `interest`,
    `income`, `margined`, `impact` (none if not given) and `depth` (without end). `premium` [N] is received at
    the start, `payoff` [N] is paid at the end; both are from the desk's side and negative where the option
    was bought.
    With `book` orders are filled there (`book_kernel.hedge_through_book`), and `cost`, `impact` and `depth`
    are not read. The final unwind is not held to `depth`: the position has to go.
    """

    price: FloatArray
    cost: FloatArray
    premium: FloatArray
    payoff: FloatArray
    interest: FloatArray
    income: FloatArray
    margined: bool
    unwind: bool
    impact: FloatArray | None = None
    depth: FloatArray | None = None
    terms: Terms = PLAIN
    book: Arrivals | None = None

    def episodes(self, rows: NDArray[np.int64]) -> "Market":
        """Return the market of some episodes only."""
        return replace(
            self,
            price=self.price[rows],
            cost=self.cost[rows],
            premium=self.premium[rows],
            payoff=self.payoff[rows],
            interest=self.interest[rows],
            income=self.income[rows],
            impact=None if self.impact is None else self.impact[rows],
            depth=None if self.depth is None else self.depth[rows],
            book=None if self.book is None else self.book.episodes(rows),
        )


@dataclass(frozen=True)
class FillBooks:
    """What was traded and paid at each fill time, [N, T+1]; the last one is the final unwind.

    cost = fee + spread + fixed_fee + impact, in money; `traded` in units, `trades` a count.
    """

    cost: FloatArray
    fee: FloatArray
    spread: FloatArray
    fixed_fee: FloatArray
    impact: FloatArray
    traded: FloatArray
    trades: FloatArray


@dataclass(frozen=True)
class Ledger:
    """The books of N hedged episodes, in money; pnl = premium + trading + carry − cost − payoff.

    `position` is [N, T, H] units, everything else [N]; `turnover` is in units, `trades` a count.
    cost = fee + spread + fixed_fee + impact; `fills` has them by fill time, where they were asked for.
    `missed` [N, 6] counts orders that a book did not fill, or not whole, by `execution.arrivals.FAULTS`;
    `impact` is then what was paid for walking beyond the best level.
    """

    position: FloatArray
    premium: FloatArray
    trading: FloatArray
    carry: FloatArray
    cost: FloatArray
    payoff: FloatArray
    turnover: FloatArray
    trades: FloatArray
    fee: FloatArray
    spread: FloatArray
    fixed_fee: FloatArray
    impact: FloatArray
    fills: FillBooks | None = None
    missed: FloatArray | None = None

    @property
    def pnl(self) -> FloatArray:
        """Profit and loss of each episode at expiry, in money."""
        return self.premium + self.trading + self.carry - self.cost - self.payoff

    def episodes(self, rows: NDArray[np.int64]) -> "Ledger":
        """Return the books of some episodes only."""
        return _map(lambda books: books[0][rows], [self])


def joined(ledgers: Sequence[Ledger]) -> Ledger:
    """Return the books of all episodes of several ledgers, one after the other."""
    return _map(np.concatenate, ledgers)


def _map(change: Callable[[list[FloatArray]], FloatArray], ledgers: Sequence[Ledger]) -> Ledger:
    own: dict[str, Any] = {
        field.name: change([getattr(ledger, field.name) for ledger in ledgers])
        for field in fields(Ledger)
        if field.name not in ("fills", "missed")
    }
    missed = [ledger.missed for ledger in ledgers if ledger.missed is not None]
    if len(missed) == len(ledgers):
        own["missed"] = change(missed)
    fills = [ledger.fills for ledger in ledgers if ledger.fills is not None]
    if len(fills) < len(ledgers):
        return Ledger(**own)
    by_fill = {
        field.name: change([getattr(each, field.name) for each in fills]) for field in fields(FillBooks)
    }
    return replace(Ledger(**own), fills=FillBooks(**by_fill))


class Hedge:
    """N hedges under way: the account of each, which any number of steps at a time takes further.

    Attributes
    ----------
    position : [N, T, H] held after the trade of each step that has passed.
    held, mark, pressure : [N, H] units held, the price that marks them, and what of earlier trades still
        weighs on the price (units).
    cash : [N] money in the account; `books` [N, 9] what was booked, see `booked`.

    Examples
    --------
    >>> price, nothing = np.array([[[100.0], [110.0], [120.0]]]), np.zeros(1)
    >>> market = Market(price, 0 * price, nothing, nothing, np.zeros((1, 2)), np.zeros((1, 2, 1)), True, True)
    >>> band, hedge = Band.around(np.array([[0.5, 0.2]])), Hedge(market)
    >>> hedge.advance(band, 0, 1)
    >>> hedge.held
    array([[0.5]])
    >>> hedge.advance(band, 1, 2)
    >>> hedge.closed().pnl
    array([7.])
    """

    def __init__(self, market: Market, delay: int = 0) -> None:
        """Open an account for every episode of `market`; orders reach it `delay` steps late."""
        nothing, all_of_it = (np.broadcast_to(each, market.cost.shape) for each in (0.0, np.inf))
        self._impact = nothing if market.impact is None else market.impact
        self._depth = all_of_it if market.depth is None else market.depth
        if market.unwind:
            _check_closing(market, self._impact)
        rows, times, instruments = market.price.shape
        self.market, self.delay = market, delay
        self.position = np.zeros((rows, times - 1, instruments))
        self.held = np.zeros((rows, instruments))
        self.mark = market.price[:, 0].copy()
        self.pressure = np.zeros((rows, instruments))
        self.cash = market.premium.copy()
        self.books = np.zeros((rows, booked.BOOKS))
        levels = 0 if market.book is None else market.book.bid_price.shape[1]
        self.taken = np.zeros((rows, 2, levels, 3))
        self.missed = np.zeros((rows, COUNTS))

    def advance(self, band: Band, first: int, last: int) -> None:
        """Hedge the steps first … last − 1; the band's entries from `last` on are not read."""
        market = self.market
        edges = (band.lower, band.upper, band.to_lower, band.to_upper)
        through = (market.cost, self._impact, self._depth, market.interest, market.income)
        account = (self.position, self.held, self.cash, self.mark, self.pressure, self.books)
        if market.book is not None:
            self._through_book(market.book, band, first, last)
            return

        def hedge(block: slice) -> None:
            kernel.hedge_steps(
                first,
                last,
                *(np.ascontiguousarray(each[block]) for each in edges),
                _rows(band.speed, block),
                np.ascontiguousarray(market.price[block]),
                *(_rows(each, block) for each in through),
                market.margined,
                market.terms,
                self.delay,
                *(each[block] for each in account),
            )

        in_blocks(len(self.held), (last - first) * self.held.shape[1], hedge)

    def expected(self, band: Band, step: int) -> FloatArray:
        """Return where each position is once the orders on their way at `step` are filled whole, [N, H]."""
        if self.delay == 0:
            return self.held.copy()
        expected, lot = np.empty_like(self.held), self.market.terms.lot
        edges = (band.lower, band.upper, band.to_lower, band.to_upper)

        def fill(block: slice) -> None:
            own = (np.ascontiguousarray(each[block]) for each in edges)
            about = lot, self.delay, self.held[block], expected[block]
            kernel.orders_filled(step, *own, _rows(band.speed, block), *about)

        in_blocks(len(self.held), self.delay, fill)
        return expected

    def _through_book(self, book: Arrivals, band: Band, first: int, last: int) -> None:
        market, tables = self.market, _tables(book)
        edges = (band.lower, band.upper, band.to_lower, band.to_upper)

        def hedge(block: slice) -> None:
            book_kernel.hedge_through_book(
                first,
                last,
                *(np.ascontiguousarray(each[block]) for each in edges),
                _rows(band.speed, block),
                np.ascontiguousarray(market.price[block]),
                book.rows[block],
                book.scale[block],
                book.state,
                *tables,
                _rows(market.interest, block),
                _rows(market.income, block),
                market.margined,
                market.terms,
                self.delay,
                self.position[block],
                self.held[block],
                self.cash[block],
                self.mark[block],
                self.taken[block],
                self.books[block],
                self.missed[block],
            )

        in_blocks(len(self.held), (last - first) * self.held.shape[1], hedge)

    def closed(self) -> Ledger:
        """Charge the final unwind, unless the market lets it go free, and return the ledger."""
        if self.market.unwind and self.market.book is not None:
            book = self.market.book
            account = self.held, self.mark, self.taken, self.books, self.missed
            book_kernel.close_through_book(
                book.rows[:, -1], book.scale, *_tables(book), self.market.terms, *account
            )
        elif self.market.unwind:
            last = self.market.cost[:, -1], self._impact[:, -1]
            kernel.close_hedges(*last, self.market.terms, self.held, self.mark, self.pressure, self.books)
        sources: dict[str, Any] = {name: self.books[:, place] for name, place in SOURCES.items()}
        return Ledger(
            self.position,
            self.market.premium,
            self.books[:, booked.TRADING],
            self.books[:, booked.CARRY],
            self.books[:, booked.COST],
            self.market.payoff,
            self.books[:, booked.TURNOVER],
            self.books[:, booked.TRADES],
            **sources,
            missed=None if self.market.book is None else self.missed,
        )


def _rows(array: FloatArray, block: slice) -> FloatArray:
    """Return the rows of a block, without gaps in memory; of one row that is repeated, that row alone."""
    return np.ascontiguousarray(array[block] if array.strides[0] else array[:1])


def _tables(book: Arrivals) -> tuple[FloatArray, ...]:
    return (book.mid, book.bid_price, book.bid_size, book.ask_price, book.ask_size)


def _check_closing(market: Market, impact: FloatArray) -> None:
    if market.book is not None:
        unsound = np.flatnonzero(market.book.state[market.book.rows[:, -1]])
        if len(unsound):
            raise DataError(f"episode {unsound[0]}: no sound book at its end, so the hedge cannot be closed")
        return
    for what, charged in (("trading cost", market.cost), ("impact", impact)):
        known = np.isfinite(charged[:, -1])
        if not known.all():
            unknown = np.argwhere(~known)[0][0]
            raise DataError(
                f"episode {unknown}: no {what} on its last session, so the hedge cannot be closed"
            )


def book(market: Market, band: Band, delay: int = 0) -> Ledger:
    """Hedge every episode along its band and return the ledger.

    Raises
    ------
    DataError
        The final unwind has no price or no cost in some episode: a position cannot be closed there.
    """
    hedge = Hedge(market, delay)
    hedge.advance(band, 0, market.price.shape[1] - 1)
    return hedge.closed()


def book_by_fill(market: Market, band: Band, delay: int = 0) -> Ledger:
    """Return what `book` does, with the costs of every fill; see `FillBooks`."""
    hedge = Hedge(market, delay)
    steps = market.price.shape[1] - 1
    after = np.empty((steps + 2, *hedge.books.shape))
    after[0] = hedge.books
    for step in range(steps):
        hedge.advance(band, step, step + 1)
        after[step + 1] = hedge.books
    ledger = hedge.closed()
    after[-1] = hedge.books
    each = np.diff(after, axis=0).transpose(2, 1, 0)
    places = {"cost": booked.COST, **SOURCES, "traded": booked.TURNOVER, "trades": booked.TRADES}
    return replace(ledger, fills=FillBooks(**{name: each[place] for name, place in places.items()}))
