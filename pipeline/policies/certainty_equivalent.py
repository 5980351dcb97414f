"""The variance that a risk-averse hedger should count with, where the variance to come is in doubt."""

import numpy as np

from pipeline.domain.instruments import FloatArray, Liability
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.remembering import remembered

AT_THE_MONEY = 1.0 / np.sqrt(2.0 * np.pi)
"""φ(0)."""


def loading(state: MarketState, vol: FloatArray, doubt: float) -> FloatArray:
    """Return by which part an option sold counts the variance to expiry higher than it is expected, [N, T].

    A delta-hedged option sold loses ½ΓS²·W with the variance W = σ²τ that comes. At risk aversion γ a W in
    doubt has the certainty equivalent, to second order,

        log E exp(γ ½ΓS² W) / (γ ½ΓS²) = E W + ½ γ ½ΓS² Var W = E W (1 + ¼ v γ S φ(0) √(E W)),

    with v = Var W / (E W)² and the dollar gamma at the money, ΓS² = S φ(0)/√W. So the same relative doubt
    weighs more where volatility is high and time long, and nothing for a hedger without risk aversion.

    Parameters
    ----------
    vol : σ, the volatility to expiry that is expected.
    doubt : v ≥ 0.

    References
    ----------
    Pratt (1964), eq. 5, for the second order; Musiela and Zariphopoulou (2004) for indifference to risk that
    cannot be hedged.
    """
    aversion = state.risk_aversion * exposure.held(state)
    deviation = remembered(state, ("deviation",), (vol,), lambda: vol * np.sqrt(state.time_to_expiry))
    return np.asarray(0.25 * doubt * aversion * state.price[..., 0] * AT_THE_MONEY * deviation)


def target(state: MarketState, vol: FloatArray, factor: FloatArray | float) -> FloatArray:
    """Return the position that offsets the net delta, [N, T], at the variance that each option counts with.

    An option sold is hedged at σ² · `factor`, an option bought at σ² / `factor`: its holder gains from
    variance, so what is doubtful of it counts less. A factor of 1 is `exposure.target`.
    """
    root = np.sqrt(factor)
    total = np.zeros_like(state.forward)
    for leg in state.liability.legs:
        own = np.where(leg.quantity > 0.0, 1.0 / root, root)
        total -= exposure.delta(state, Liability((leg,)), vol * own)
    return exposure.net(total * state.forward_slope)
