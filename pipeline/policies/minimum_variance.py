"""The minimum-variance delta of Hull and White (2017): spot and implied volatility move together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from pipeline.domain.band import Band
from pipeline.domain.errors import FitError
from pipeline.domain.instruments import FloatArray, Right
from pipeline.domain.market_state import MarketState
from pipeline.policies import exposure
from pipeline.policies.base import Training
from pipeline.policies.batched import batched
from pipeline.policies.remembering import remembered
from pipeline.pricing import black

DELTA_RANGE = (0.05, 0.95)
MINIMUM_ROWS = 100
Coefficients = tuple[float, float, float]
NO_ADJUSTMENT: Coefficients = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class MinimumVariance:
    """δ_MV = Δ + ν/(F√τ) · (a + bΔ + cΔ²), (a, b, c) learned on training episodes, calls and puts apart."""

    name: ClassVar[str] = "minimum_variance"
    call: Coefficients = NO_ADJUSTMENT
    put: Coefficients = NO_ADJUSTMENT

    def fit(self, training: Training) -> Self:
        """Return the policy with coefficients regressed on the training episodes' own daily marks."""
        learned = {
            leg.right: slope_coefficients(training.state, leg.right) for leg in training.state.liability.legs
        }
        return replace(self, **learned)

    @batched
    def band(self, state: MarketState) -> Band:
        """Return the zero-width band at the minimum-variance delta."""
        vol = exposure.known(state.implied_vol, self.name, "implied_vol")
        return Band.around(exposure.target(state, vol) + adjustment(state, self.by_right()))

    def by_right(self) -> dict[Right, Coefficients]:
        """Return the coefficients of calls and of puts."""
        return {"call": self.call, "put": self.put}

    def parameters(self) -> dict[str, float]:
        """Return the six coefficients by name."""
        return named_coefficients(self.by_right())


def named_coefficients(by_right: Mapping[Right, Coefficients]) -> dict[str, float]:
    """Return the coefficients by name.

    Examples
    --------
    >>> named_coefficients({"call": (1.0, 2.0, 3.0)})
    {'call_a': 1.0, 'call_b': 2.0, 'call_c': 3.0}
    """
    return {
        f"{right}_{letter}": value
        for right, values in by_right.items()
        for letter, value in zip("abc", values, strict=True)
    }


def adjustment(state: MarketState, coefficients: Mapping[Right, Coefficients]) -> FloatArray:
    """Return what the minimum-variance hedge adds to the delta hedge, [N, T] hedge units."""

    def of_legs() -> FloatArray:
        total = np.zeros_like(state.forward)
        for leg in state.liability.legs:
            delta, slopes = _regressors(state, leg.right)
            shift = np.polynomial.polynomial.polyval(delta, coefficients[leg.right])
            total -= leg.quantity * (slopes / state.forward) * shift
        return exposure.net(total * state.forward_slope)

    return remembered(state, ("adjustment", *sorted(coefficients.items())), (), of_legs)


def slope_coefficients(state: MarketState, right: Right) -> Coefficients:
    """Regress Δf − Δ·ΔF on (ν/√τ)(ΔF/F)·{1, Δ, Δ²} without intercept (Hull, White 2017, eq. 5).

    The marks f are Black's price at the implied volatility at two successive decision times of the state;
    rows with |Δ| outside [0.05, 0.95] are left out.

    Raises
    ------
    FitError
        Fewer than 100 usable rows.
    """
    a, b, c = remembered(state, ("slope", right), (), lambda: _regressed(state, right))
    return float(a), float(b), float(c)


def _regressed(state: MarketState, right: Right) -> FloatArray:
    mark = black.price(
        right, state.forward, state.strike, state.time_to_expiry, state.implied_vol, state.rate
    )
    delta, slopes = _regressors(state, right)
    move = np.diff(state.forward, axis=1)
    excess = np.diff(mark, axis=1) - delta[:, :-1] * move
    scale = slopes[:, :-1] * move / state.forward[:, :-1]
    size = np.abs(delta[:, :-1])
    use = (size > DELTA_RANGE[0]) & (size < DELTA_RANGE[1]) & np.isfinite(excess)
    if use.sum() < MINIMUM_ROWS:
        raise FitError(
            f"minimum_variance: only {use.sum()} training rows with |delta| in {DELTA_RANGE}, "
            f"{MINIMUM_ROWS} are needed: start the training earlier (windows.signals_start)"
        )
    design = scale[use][:, None] * np.stack(
        [np.ones(use.sum()), delta[:, :-1][use], delta[:, :-1][use] ** 2], 1
    )
    return np.asarray(np.linalg.lstsq(design, excess[use], rcond=None)[0])


def _regressors(state: MarketState, right: Right) -> tuple[FloatArray, FloatArray]:
    """Return Black's forward delta and vega/√τ, both at the implied volatility."""
    terms = (state.forward, state.strike, state.time_to_expiry, state.implied_vol, state.rate)
    return black.delta(right, *terms), black.vega(*terms) / np.sqrt(state.time_to_expiry)
