"""What tells, decision by decision, whether forecasts and regimes still fit: losses, coverage, likelihood."""

from collections import deque
from collections.abc import Mapping
from math import isfinite, log
from typing import Final

import numpy as np

from pipeline.forecasts.intervals import COVERAGE
from pipeline.forecasts.intraday_tasks import FLOORS, SMALLEST_VARIANCE
from pipeline.monitor.alarm import Forecast, Observed
from pipeline.monitor.likelihood import OneStep

COST: Final = "crossing_cost_1"
"""The crossing cost of the interval that ends at a decision."""


class Streams:
    """The streams of one desk, one decision after another, each value when it is known.

    Of the variance of the next h decisions `qlike_h`, `pinball_h` (of both ends of the interval, in logs) and
    `coverage_h` (1 inside, else 0), h decisions later on the same day; `cost`, the QLIKE of the forecast
    crossing cost; `regime_k`, the filtered probabilities; `likelihood`, see
    `likelihood.OneStep`, where it is given. What is not known has no value.
    """

    def __init__(self, horizons: tuple[int, ...], likelihood: OneStep | None) -> None:
        self._horizons, self._likelihood = horizons, likelihood
        self._day = ""
        self._mids: deque[float] = deque(maxlen=max(horizons) + 1)
        self._made: deque[Observed] = deque(maxlen=max(horizons) + 1)
        self._prob: np.ndarray | None = None

    def step(self, seen: Observed) -> dict[str, float]:
        """Return the values that the next decision makes known, by stream."""
        if seen.day != self._day:
            self._day = seen.day
            self._mids.clear()
            self._made.clear()
        self._mids.append(seen.mid)
        self._made.append(seen)
        found = self._variances() | self._cost(seen) | self._regimes(seen)
        return {name: value for name, value in found.items() if isfinite(value)}

    def _variances(self) -> dict[str, float]:
        squares = np.diff(np.log(self._mids)) ** 2
        found: dict[str, float] = {}
        for horizon in self._horizons:
            if len(squares) < horizon:
                continue
            came = max(float(squares[-horizon:].sum()), SMALLEST_VARIANCE)
            found |= scored(self._made[-1 - horizon].variance.get(horizon), came, str(horizon))
        return found

    def _cost(self, seen: Observed) -> dict[str, float]:
        if len(self._made) < 2 or not (forecast := self._made[-2].cost.value) > 0.0:
            return {}
        return {"cost": qlike(max(seen.features.get(COST, float("nan")), FLOORS["crossing_cost"]), forecast)}

    def _regimes(self, seen: Observed) -> dict[str, float]:
        found = {f"regime_{k}": float(value) for k, value in enumerate(seen.prob)}
        if self._likelihood is not None and self._prob is not None and len(seen.prob):
            x = np.array([seen.features.get(name, np.nan) for name in self._likelihood.names])
            found["likelihood"] = self._likelihood(x, self._prob)
        self._prob = np.asarray(seen.prob) if len(seen.prob) else None
        return found


def qlike(came: float, forecast: float) -> float:
    """Return y/f − log(y/f) − 1, see `forecasts.scores.qlike`."""
    ratio = came / forecast
    return ratio - log(ratio) - 1.0 if isfinite(ratio) and ratio > 0.0 else float("nan")


def scored(forecast: Forecast | None, came: float, what: str) -> Mapping[str, float]:
    """Return QLIKE, pinball loss and coverage of a forecast; nothing where an end is not above zero.

    Examples
    --------
    >>> scored(Forecast(1.0, 0.5, 2.0), 1.0, "5")["coverage_5"]
    1.0
    """
    if forecast is None or not (min(forecast) > 0.0 and isfinite(came)):
        return {}
    tail, y = (1.0 - COVERAGE) / 2.0, log(came)
    ends = ((tail, y - log(forecast.lower)), (1.0 - tail, y - log(forecast.upper)))
    return {
        f"qlike_{what}": qlike(came, forecast.value),
        f"pinball_{what}": sum(max(level * error, (level - 1.0) * error) for level, error in ends),
        f"coverage_{what}": float(forecast.lower <= came <= forecast.upper),
    }
