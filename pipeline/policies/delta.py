"""Delta hedging (Black, Scholes 1973): a band of width zero around the book's delta."""

from dataclasses import dataclass
from typing import ClassVar

from pipeline.domain.band import Band
from pipeline.domain.edges import Edges
from pipeline.domain.instruments import Liability
from pipeline.domain.market_state import MarketState
from pipeline.domain.option_state import OptionState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.batched import batched
from pipeline.policies.one_option import Answer, checked
from pipeline.pricing.one_option import net_quantities, value_and_delta


@dataclass(frozen=True)
class DeltaImplied(Untrained):
    """Delta at the implied volatility, rebalanced at every decision time."""

    name: ClassVar[str] = "delta_implied"

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the zero-width band at the implied-volatility delta."""
        return Band.around(
            exposure.target(state, exposure.known(state.implied_vol, self.name, "implied_vol"))
        )

    def of_one_option(self, liability: Liability) -> Answer:
        """Return the band of one option with plain numbers; see `one_option`."""
        calls, puts = net_quantities(liability)

        def answer(state: OptionState) -> Edges:
            terms = (state.forward, state.strike, state.time_to_expiry, state.implied_vol)
            target = -value_and_delta(calls, puts, *terms)[1]
            return checked(target, target, self.name, state)

        return answer


@dataclass(frozen=True)
class DeltaForecast(Untrained):
    """Delta at the forecast volatility to expiry, rebalanced at every decision time."""

    name: ClassVar[str] = "delta_forecast"

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the zero-width band at the forecast-volatility delta."""
        return Band.around(
            exposure.target(state, exposure.known(state.forecast_vol, self.name, "forecast_vol"))
        )
