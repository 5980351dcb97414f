"""Delta hedging (Black, Scholes 1973): a band of width zero around the book's delta."""

from dataclasses import dataclass
from typing import ClassVar

from pipeline.domain.band import Band
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Untrained
from pipeline.policies.batched import batched


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
