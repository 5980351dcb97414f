"""What a hedger may hold in a simulated market: the spot, a variance swap, options."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.domain.instruments import FloatArray, Right
from pipeline.pricing import black
from pipeline.simulate import nested
from pipeline.simulate.hedges import option_prices, variance_swap_prices
from pipeline.simulate.paths import Paths
from pipeline.simulate.process import Process


class Traded(ABC):
    """An instrument that can be held along simulated paths."""

    @abstractmethod
    def prices(self, process: Process, paths: Paths) -> FloatArray:
        """Return its prices on every path, [N, T+1], money; the process is the one that made the paths."""


@dataclass(frozen=True)
class Spot(Traded):
    """The spot itself."""

    def prices(self, process: Process, paths: Paths) -> FloatArray:
        """See `Traded`."""
        return paths.spot


@dataclass(frozen=True)
class VarianceSwap(Traded):
    """The floating leg of a variance swap until the paths' last step, see `hedges.variance_swap_prices`.

    Attributes
    ----------
    notional : money a unit of variance.
    """

    notional: float = 1.0

    def prices(self, process: Process, paths: Paths) -> FloatArray:
        """See `Traded`."""
        return self.notional * variance_swap_prices(process, paths, paths.spot.shape[1] - 1)


@dataclass(frozen=True)
class ListedOption(Traded):
    """A European option that expires at the paths' last step or later.

    Attributes
    ----------
    right, strike : of the option, money.
    expiry : step at which it pays.
    priced : "law", the closed form of the market's own law; "nested", its expectation given each path of its
        regime; or a volatility, Black's price whatever the market does, which can be arbitraged.
    """

    right: Right
    strike: float
    expiry: int
    priced: Literal["law", "nested"] | float = "law"

    def prices(self, process: Process, paths: Paths) -> FloatArray:
        """See `Traded`."""
        if self.priced == "law":
            return option_prices(process, paths, self.right, self.strike, self.expiry)
        if self.priced == "nested":
            return nested.option_prices(process, paths, self.right, self.strike, self.expiry)
        time = np.asarray(paths.interval * (self.expiry - np.arange(paths.spot.shape[1])), dtype=np.float64)
        return black.price(self.right, paths.spot, self.strike, time, float(self.priced))
