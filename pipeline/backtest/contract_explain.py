"""What the P&L of a hedged American option comes from, day by day."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from pipeline.backtest.contract_hedge import ContractHedge
from pipeline.backtest.contract_life import ContractLife
from pipeline.backtest.ledger import Ledger
from pipeline.domain.band import Band
from pipeline.domain.instruments import FloatArray
from pipeline.pricing.american_path import AmericanPath

BUMP: Final = 0.01
"""Of volatility, to either side, for vega."""
PARTS: Final = ("from_delta", "from_gamma", "from_theta", "from_vega", "carry", "dealt", "cost", "residual")
"""Of a day's P&L; the cost is taken off."""


@dataclass(frozen=True)
class ContractMoves:
    """Greeks of the desk's option at each decision and what they explain of its step, [E], state's money.

    Attributes
    ----------
    delta, gamma, vega : of the option, with the sign of the desk.
    move : change of the share with its dividend.
    change : of the option's mark; in the last step to what the end pays.
    from_gamma : ½Γ dS². from_theta : value a session later, the dividend gone, less value, at the same share
        and volatility. from_vega : ν dσ.
    dealt : mark at the start less what was paid.
    """

    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    move: FloatArray
    change: FloatArray
    from_gamma: FloatArray
    from_theta: FloatArray
    from_vega: FloatArray
    dealt: float


def contract_moves(hedge: ContractHedge, life: ContractLife) -> ContractMoves:
    """Return the option's Greeks and what they explain, by QuantLib at the implied volatility of each day."""
    model, state, scale = hedge.state.model, hedge.state, hedge.scale
    assert isinstance(model, AmericanPath)
    sign = float(sum(np.sum(leg.quantity) for leg in state.liability.legs))
    vol = state.implied_vol
    value, delta, gamma = (each[0] for each in model.greeks(vol))
    up, down = (model.greeks(vol + side * BUMP)[0][0] for side in (1.0, -1.0))
    vega = (up - down) / (2.0 * BUMP)
    move = (np.diff(life.spot) + life.paid) * scale
    later = np.array(
        [
            life.option.greeks(day, spot - paid, own, coming).price
            for day, spot, paid, own, coming in zip(
                life.days[1:], life.spot[:-1], life.paid, life.vol[:-1], life.expected.values(), strict=False
            )
        ]
    )
    return ContractMoves(
        delta=sign * delta,
        gamma=sign * gamma,
        vega=sign * vega,
        move=move,
        change=sign * scale * np.diff(life.value),
        from_gamma=sign * 0.5 * gamma * move**2,
        from_theta=sign * (later * scale - value),
        from_vega=sign * vega * np.diff(life.vol),
        dealt=sign * scale * (life.value[0] - life.entry),
    )


def daily_rows(
    policy: str, hedge: ContractHedge, life: ContractLife, moves: ContractMoves, band: Band, ledger: Ledger
) -> pd.DataFrame:
    """Return one row a step: session, band, position, P&L and its parts; their sum is the ledger's P&L.

    The final trade is booked in the last step, the half of the option's spread in the first.
    """
    fills = ledger.fills
    assert fills is not None
    market, position = hedge.market, ledger.position[0, :-1, 0]
    cost, traded, trades = (_with_last(each[0, :-1]) for each in (fills.cost, fills.traded, fills.trades))
    gain = position * moves.move
    interest = _interest(hedge, ledger)
    dealt = np.zeros_like(gain)
    dealt[0] = moves.dealt
    pnl = moves.change + dealt + gain + interest - cost
    from_delta = gain + moves.delta * moves.move
    explained = from_delta + moves.from_gamma + moves.from_theta + moves.from_vega + interest + dealt - cost
    return pd.DataFrame(
        {
            "policy": policy,
            "session": life.sessions[:-1],
            "next_session": life.sessions[1:],
            "spot": life.spot[:-1],
            "implied_vol": life.vol[:-1],
            "option_value": life.value[:-1],
            "lower": band.lower[0, :, 0],
            "upper": band.upper[0, :, 0],
            "position": position,
            "option_delta": moves.delta,
            "option_gamma": moves.gamma,
            "option_vega": moves.vega,
            "market_return": moves.move / market.price[0, :-2, 0],
            "regime": hedge.state.regime_prob[0].argmax(axis=-1),
            "pnl": pnl,
            "options": moves.change + dealt,
            "hedge": gain,
            "dividends": position * life.paid * hedge.scale,
            "from_delta": from_delta,
            "from_gamma": moves.from_gamma,
            "from_theta": moves.from_theta,
            "from_vega": moves.from_vega,
            "carry": interest,
            "dealt": dealt,
            "cost": cost,
            "residual": pnl - explained,
            "traded": traded,
            "trades": trades,
        }
    )


def _with_last(filled: FloatArray) -> FloatArray:
    """Return what was filled by step, the final trade in the last one."""
    steps = filled[:-1].copy()
    steps[-1] += filled[-1]
    return steps


def _interest(hedge: ContractHedge, ledger: Ledger) -> FloatArray:
    """Return the interest on the cash account over each step, the dividends apart."""
    fills, market = ledger.fills, hedge.market
    assert fills is not None
    price, position = market.price[0, :, 0], ledger.position[0, :, 0]
    trade = np.diff(position, prepend=0.0)
    cash, earned = float(market.premium[0]), np.zeros(len(position) - 1)
    for k in range(len(earned)):
        cash -= fills.cost[0, k] + trade[k] * price[k]
        earned[k] = cash * market.interest[0, k]
        cash += earned[k] + position[k] * price[k] * market.income[0, k, 0]
    return earned
