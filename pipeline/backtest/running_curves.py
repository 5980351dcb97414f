"""Cumulated variances of one decision from those at the fitted horizons, in one compiled call."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept

IntArray = NDArray[np.int64]


class RunningCurves:
    """The numbers of `forecasts.term_structure` and of `regimes.variance_to_go` at one row.

    Parameters
    ----------
    horizons : K increasing numbers of decisions.
    reach : decisions to cover, at most the longest horizon.
    ahead : [R, ≥ reach] variance of the decisions after the next, for each regime.
    """

    def __init__(self, horizons: Sequence[int], reach: int, ahead: FloatArray) -> None:
        knots, steps = np.array((0, *horizons), dtype=np.float64), np.arange(1, reach + 1)
        self._right = np.searchsorted(knots, steps)
        self._missing = (knots[self._right] - steps) / (knots[self._right] - knots[self._right - 1])
        self._roots = -1.0 / np.sqrt(np.array(horizons, dtype=np.float64))
        self._places = -1.0 / np.sqrt(np.arange(1.0, reach + 1.0))
        self._ahead = np.ascontiguousarray(ahead[:, :reach])
        ones = np.ones((2, len(horizons)))
        self(ones[0], ones.T.copy(), ones[1], np.ones(len(ahead)))  # compiled here, not at the first decision

    def __call__(
        self, forecast: FloatArray, edges: FloatArray, mark: FloatArray, prob: FloatArray
    ) -> FloatArray:
        """Return `DecisionSignals.curves` from forecast [K], its edges [K, 2], mark [K] and regimes [R]."""
        curves = np.empty((5, len(self._right)))
        terms = (self._right, self._missing, self._roots, self._places, self._ahead)
        _curves(forecast, edges, mark, prob, *terms, curves)
        return curves


@kept(nogil=True, error_model="numpy")
def _curves(
    forecast: FloatArray,
    edges: FloatArray,
    mark: FloatArray,
    prob: FloatArray,
    right: IntArray,
    missing: FloatArray,
    roots: FloatArray,
    places: FloatArray,
    ahead: FloatArray,
    curves: FloatArray,
) -> None:
    horizons = len(forecast)
    ratios = np.empty((2, horizons))
    for side in range(2):
        for k in range(horizons):
            ratios[side, k] = np.log(edges[k, side] / forecast[k])
    for kind, levels in ((0, forecast), (3, mark)):
        totals = np.zeros(horizons + 1)
        unknown = False
        for k in range(horizons):
            unknown |= np.isnan(levels[k])
            totals[k + 1] = max(totals[k], levels[k]) if k else levels[k]
        for m in range(len(right)):
            above, below = totals[right[m]], totals[right[m] - 1]
            curves[kind, m] = np.nan if unknown else above - missing[m] * (above - below)
    for side in range(2):
        between = np.interp(places, roots, ratios[side])
        for m in range(len(places)):
            curves[1 + side, m] = curves[0, m] * np.exp(between[m])
    for m in range(len(right)):
        total = prob[0] * ahead[0, m]
        for k in range(1, len(prob)):
            total += prob[k] * ahead[k, m]
        curves[4, m] = total
