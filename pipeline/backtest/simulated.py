"""Episodes in a simulated market with a known volatility, a constant cost and no interest."""

import numpy as np

from pipeline.backtest.ledger import Market
from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.pricing import black


def simulated_episodes(
    paths: FloatArray,
    vol: FloatArray | float,
    liability: Liability,
    *,
    strike: float,
    interval: float,
    cost: float,
    risk_aversion: float,
    regime_prob: FloatArray | None = None,
    regime_moves: FloatArray | None = None,
    regime_variance: FloatArray | None = None,
    unwind: bool = True,
    life: int | None = None,
) -> tuple[MarketState, Market]:
    """Return the state and the market of N simulated paths [N, T+1], hedged in the spot.

    `vol` (scalar or [N, T]) stands for implied, forecast and regime volatility alike, and is known, so that
    its interval has no width, nor has that of the cost; `interval` is Δt in years; no premium is received,
    as in the published tables. `regime_moves` [K, K] and `regime_variance` [K] say how the regimes of
    `regime_prob` move. `unwind` says whether the trade that closes the hedge is charged. `life` are steps
    to expiry at the start: options that live longer than T are dealt and closed at Black's price.
    """
    rows, steps = paths.shape[0], paths.shape[1] - 1
    life = steps if life is None else life
    shape = (rows, steps)
    vols = np.broadcast_to(np.asarray(vol, dtype=float), shape)
    zeros, ones, costs = (np.broadcast_to(each, shape) for each in (0.0, 1.0, float(cost)))
    state = MarketState(
        liability=liability,
        risk_aversion=risk_aversion,
        interval=interval,
        rate=0.0,
        step=np.arange(steps),
        time_to_expiry=np.broadcast_to(interval * np.arange(life, life - steps, -1), shape),
        strike=np.broadcast_to(float(strike), shape),
        forward=paths[:, :-1],
        price=paths[:, :-1, None],
        forward_slope=ones,
        implied_vol=vols,
        forecast_vol=vols,
        forecast_vol_lower=vols,
        forecast_vol_upper=vols,
        regime_vol=vols,
        regime_prob=ones[..., None] if regime_prob is None else regime_prob,
        cost=costs,
        cost_lower=costs,
        cost_upper=costs,
        desk_cost=cost,
        spike_prob=zeros,
        gap_prob=zeros,
        spike_base=zeros,
        gap_base=zeros,
        regime_moves=_everywhere(regime_moves, shape),
        regime_variance=_everywhere(regime_variance, shape),
        unwind=unwind,
    )
    market = Market(
        price=paths[..., None],
        cost=np.broadcast_to(float(cost), (rows, steps + 1, 1)),
        premium=np.zeros(rows)
        if life == steps
        else -worth(liability, paths[:, 0], strike, interval * life, vols[:, 0]),
        payoff=-worth(liability, paths[:, -1], strike, interval * (life - steps), vols[:, -1]),
        interest=zeros,
        income=zeros[..., None],
        margined=False,
        unwind=unwind,
    )
    return state, market


def worth(
    liability: Liability, spot: FloatArray, strike: float, left: float, vol: FloatArray | float
) -> FloatArray:
    """Return what options are worth to their holder `left` years before expiry, or then pay, [N] money."""
    if left <= 0.0:
        return liability.payoff(spot, np.full(len(spot), strike))
    prices = (leg.quantity * black.price(leg.right, spot, strike, left, vol) for leg in liability.legs)
    return np.asarray(sum(prices))


def _everywhere(model: FloatArray | None, shape: tuple[int, int]) -> FloatArray | None:
    return None if model is None else np.broadcast_to(model, (*shape, *model.shape))
