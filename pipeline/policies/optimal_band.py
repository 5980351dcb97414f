"""The exact optimum in a market of one volatility: Hodges and Neuberger's band by dynamic programme."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.band import Band
from pipeline.domain.instruments import Kind, Side
from pipeline.domain.market_state import MarketState
from pipeline.optimum.bands import bands_of
from pipeline.optimum.dynamics import Dynamics
from pipeline.optimum.programme import Programme
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.batched import batched
from pipeline.policies.optimal_book import Edges, ladder, optimal_band, steps_left

VOL_UNIT, VOL_RATIO = 0.2, 1.2


@dataclass(frozen=True)
class OptimalBand(Untrained):
    """The band that minimises (1/γ) log E exp(−γ P&L) at the implied volatility and the desk's constant cost.

    The programme of `pipeline.optimum` is solved on a fixed ladder of volatilities (ratio 1.2) with the
    number of decision times that are left; a cell is looked up between two rungs at the volatility whose
    variance over these times is the implied variance to expiry, and at its distance from the strike in
    standard deviations.

    References
    ----------
    Hodges and Neuberger (1989); Davis, Panas and Zariphopoulou (1993).
    """

    name: ClassVar[str] = "optimal_band"

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the optimal band."""
        implied = exposure.known(state.implied_vol, self.name, "implied_vol")
        left = steps_left(state)
        vol = implied * np.sqrt(state.time_to_expiry / (left * state.interval))
        moneyness = np.log(state.forward / state.strike)

        def solved(kind: Kind, side: Side, steps: int, aversion: float, cells: NDArray[np.bool_]) -> Edges:
            at, togo = moneyness[cells], np.broadcast_to(left, cells.shape)[cells]
            own = np.broadcast_to(vol, cells.shape)[cells] / VOL_UNIT
            lower, upper = np.zeros(at.shape), np.zeros(at.shape)
            for rung, share in ladder(own, VOL_RATIO, np.ones(at.shape, dtype=np.bool_)):
                near = share > 0.0
                market = Dynamics.black_scholes(
                    VOL_UNIT * rung, cost=state.desk_cost, interval=state.interval
                )
                bands = bands_of(
                    Programme(market, aversion, steps, kind=kind, side=side, unwind=state.unwind)
                )
                low, high = bands.edges(at[near] * rung / own[near], togo[near])
                lower[near] += share[near] * low
                upper[near] += share[near] * high
            return lower, upper

        return optimal_band(state, implied, solved)
