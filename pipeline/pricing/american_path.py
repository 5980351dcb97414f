"""The Greeks of an American option along its path, for policies that ask at many volatilities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray, Liability
from pipeline.pricing.american import AmericanOption, Dividends, Greeks


@dataclass(frozen=True)
class AmericanPath:
    """One American option at N × T decision times; see `domain.market_state.OptionModel`.

    Attributes
    ----------
    option : in the money of the data.
    day : [N, T] days since 1970, as numbers.
    spot : [N, T] in the money of the data.
    scale : money of the state over money of the data.
    expected : the dividends that were expected, by day.
    """

    option: AmericanOption
    day: FloatArray
    spot: FloatArray
    scale: float
    expected: Mapping[int, Dividends]
    _known: dict[tuple[int, float, float], Greeks] = field(default_factory=dict, compare=False, repr=False)

    def greeks(self, vol: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return value, delta and gamma of one option at `vol`, [N, T] each, in the money of the state."""
        vols = np.broadcast_to(vol, self.day.shape)
        found = np.array(
            [
                self._at(int(day), float(spot), float(each))
                for day, spot, each in zip(self.day.ravel(), self.spot.ravel(), vols.ravel(), strict=True)
            ]
        ).reshape((*self.day.shape, 3))
        return found[..., 0] * self.scale, found[..., 1], found[..., 2] / self.scale

    def delta_gamma(self, liability: Liability, vol: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ∂value/∂price and ∂²value/∂price² of the options at `vol`, [N, T], for their holder."""
        quantity = sum(leg.quantity for leg in liability.legs)
        _, delta, gamma = self.greeks(vol)
        return np.asarray(quantity * delta), np.asarray(quantity * gamma)

    def selected(self, select: Callable[[FloatArray], FloatArray]) -> "AmericanPath":
        """Return the path at some of its decision times."""
        return replace(self, day=select(self.day), spot=select(self.spot))

    def _at(self, day: int, spot: float, vol: float) -> Greeks:
        key = (day, spot, vol)
        if key not in self._known:
            date: np.datetime64 = np.datetime64(day, "D")
            self._known[key] = self.option.greeks(date, spot, vol, self.expected[day])
        return self._known[key]


def day_numbers(days: NDArray[np.datetime64]) -> FloatArray:
    """Return days since 1970.

    Examples
    --------
    >>> day_numbers(np.array(["1970-01-03"], "datetime64[D]"))
    array([2.])
    """
    return days.astype("datetime64[D]").astype(np.int64).astype(np.float64)
