"""Days that might have been: the moves of stored episodes with signs drawn anew, all else as it was."""

from dataclasses import replace

import numpy as np

from pipeline.backtest.ledger import Market
from pipeline.domain.instruments import FloatArray
from pipeline.domain.market_state import MarketState
from pipeline.execution.arrivals import Arrivals


def redrawn(
    state: MarketState, market: Market, rng: np.random.Generator, turns: float
) -> tuple[MarketState, Market]:
    r"""Return episodes whose log-returns have other signs: sizes, signals and books are as they were.

    .. math:: S'_t = S_0 \exp \sum_{u<t} s_u \log(S_{u+1}/S_u), \quad s_u = \pm 1

    The first sign is a coin, and changes at each step with the chance `turns`. So the days have no drift and
    no side, while how volatile they are, when, and what the signals knew of it is theirs. A book moves with
    its price; under a negative sign it is seen in a mirror, what was offered is bid.

    Parameters
    ----------
    state, market : N episodes of one option on its own price, T decisions.
    turns : 0 turns whole episodes over or leaves them; 0.5 draws every sign by itself.

    References
    ----------
    Liu (1988), Bootstrap procedures under some non-i.i.d. models; Shao (2010), The dependent wild bootstrap,
    for signs that stay for a while.
    """
    rows, times = state.shape
    turned = rng.random((rows, times)) < np.where(np.arange(times) == 0, 0.5, turns)
    sign = np.where(np.cumsum(turned, axis=1) % 2, -1.0, 1.0)
    price = market.price[..., 0]
    moves = np.cumsum(sign * np.diff(np.log(price), axis=1), axis=1)
    moved = price[:, :1] * np.exp(np.concatenate([np.zeros((rows, 1)), moves], axis=1))
    now = moved[:, :-1]
    return (
        replace(state, forward=now, price=now[..., None]),
        replace(
            market,
            price=moved[..., None],
            payoff=-state.liability.payoff(moved[:, -1], state.strike[:, -1]),
            book=None if market.book is None else _moved(market.book, price, moved, sign),
        ),
    )


def _moved(book: Arrivals, price: FloatArray, moved: FloatArray, sign: FloatArray) -> Arrivals:
    """Return the books of episodes whose prices [N, T+1] have become others, a table with a row for each."""
    each, scale = book.rows, book.scale[:, None]
    side = np.concatenate([sign, sign[:, -1:]], axis=1)
    mid = book.mid[each]
    there = (moved / scale * (mid * scale / price) ** side).reshape(-1, 1)
    mirrored = (side < 0.0).reshape(-1, 1)

    def of_mid(values: FloatArray) -> FloatArray:
        return values[each].reshape(len(there), -1) / mid.reshape(-1, 1)

    bid, ask = of_mid(book.bid_price), of_mid(book.ask_price)
    bids, asks = (size[each].reshape(bid.shape) for size in (book.bid_size, book.ask_size))
    return Arrivals(
        rows=np.arange(len(there)).reshape(price.shape),
        scale=book.scale,
        state=book.state[each].ravel(),
        mid=there[:, 0],
        bid_price=there * np.where(mirrored, 2.0 - ask, bid),
        bid_size=np.where(mirrored, asks, bids),
        ask_price=there * np.where(mirrored, 2.0 - bid, ask),
        ask_size=np.where(mirrored, bids, asks),
    )
